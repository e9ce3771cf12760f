import { shortKey } from './resource-names.ts';

const keyService = /projects\/[^/\s]+\/locations\/([^/\s]+)\/keyRings\/\S+/;
const version = /^(\S+\/cryptoKeys\/[^/\s]+)\/cryptoKeyVersions\//;
const brokers = /\(resource=([^)]*)\)/;

const running = /Resource '([^']+)' of kind '(SERVICE|REVISION)' in region '([^']+)'/;

/** What a resource of each collection, or what is done to it, names beside itself. */
const madeFrom: Readonly<Record<string, string>> = {
  topics: 'schemas',
  subscriptions: 'topics',
  snapshots: 'subscriptions',
  schemas: 'schemas',
  ':seek': 'snapshots',
};

/**
 * The command that lists what a NOT_FOUND misses: its `message` names a key in full and anything
 * else by its id alone; `path` is what was asked for.
 */
export function listOf(message: string, path: string): string {
  const [name, location] = keyService.exec(message) ?? [];
  if (name !== undefined && location !== undefined) return keyList(name, location);
  const [, id, kind, region] = running.exec(message) ?? [];
  if (id !== undefined && region !== undefined) return runList(id, kind === 'REVISION', region);
  const place = collectionOf(path, brokers.exec(message)?.[1]);
  if (place !== undefined) return `sealpost ${place} list`;
  return 'sealpost topics list, sealpost subscriptions list, sealpost keys list';
}

/**
 * The command that creates the topic which a NOT_FOUND misses, if the request's `body` names it, as
 * the topic of a subscription or of its dead letters; undefined if not.
 */
export function createOf(message: string, path: string, body: unknown): string | undefined {
  const missing = brokers.exec(message)?.[1];
  const [, ownProject, own] = path.split('/');
  if (missing === undefined || own !== 'subscriptions') return undefined;
  const topic = textsOf(body).find((text) => text.endsWith(`/topics/${missing}`));
  if (topic === undefined) return undefined;
  return `sealpost topics create ${topic.split('/')[1] === ownProject ? missing : topic}`;
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}

/** Where `missing` may be found: what is made or changed may name something that is not there. */
function collectionOf(path: string, missing: string | undefined): string | undefined {
  const verb = /:[a-zA-Z]+$/.exec(path)?.[0] ?? '';
  const [, , own = '', id = ''] = path.slice(0, path.length - verb.length).split('/');
  if (missing !== undefined && missing !== id) return madeFrom[verb] ?? madeFrom[own];
  return Object.hasOwn(madeFrom, own) ? own : undefined;
}

/** A revision's id begins with its service's, if the server chose it. */
function runList(id: string, isRevision: boolean, region: string): string {
  const service = isRevision ? /^(.+)-\d{5}-[a-z]{3}$/.exec(id)?.[1] : undefined;
  if (service === undefined) return 'sealpost run services list';
  const where = region === 'us-central1' ? '' : ` --region ${region}`;
  return `sealpost run revisions list ${service}${where}`;
}

function keyList(name: string, location: string): string {
  const key = version.exec(name)?.[1];
  if (key !== undefined) return `sealpost keys versions list ${shortKey(key)}`;
  const where = location === 'global' ? '' : ` --location ${location}`;
  return `sealpost keys ${name.includes('/cryptoKeys/') ? '' : 'rings '}list${where}`;
}
