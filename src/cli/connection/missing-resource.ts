import { shortKey } from './resource-names.ts';

const keyService = /projects\/[^/\s]+\/locations\/([^/\s]+)\/keyRings\/\S+/;
const version = /^(\S+\/cryptoKeys\/[^/\s]+)\/cryptoKeyVersions\//;
const brokers = /\(resource=([^)]*)\)/;

/**
 * The command that lists what a NOT_FOUND misses: its `message` names a key in full and anything
 * else by its id alone; `path` is what was asked for.
 */
export function listOf(message: string, path: string): string {
  const [name, location] = keyService.exec(message) ?? [];
  if (name !== undefined && location !== undefined) return keyList(name, location);
  const [, , collection = '', id = ''] = path.replace(/:[a-zA-Z]+$/, '').split('/');
  const missing = brokers.exec(message)?.[1];
  // What is made or changed may name a topic that is not there.
  const isOther = missing !== undefined && missing !== id;
  if (collection === 'topics' || (collection === 'subscriptions' && isOther)) {
    return 'sealpost topics list';
  }
  if (collection === 'subscriptions') return 'sealpost subscriptions list';
  return 'sealpost topics list, sealpost subscriptions list, sealpost keys list';
}

function keyList(name: string, location: string): string {
  const key = version.exec(name)?.[1];
  if (key !== undefined) return `sealpost keys versions list ${shortKey(key)}`;
  const where = location === 'global' ? '' : ` --location ${location}`;
  return `sealpost keys ${name.includes('/cryptoKeys/') ? '' : 'rings '}list${where}`;
}
