import type { FieldOf } from '../../iam/index.ts';
import type { BrowserGrant } from '../../identity/index.ts';
import { parsePubsubName, type PubsubCollection } from '../../rpc/index.ts';
import { badRequest } from '../json/json-body.ts';
import type { JsonValue } from '../json.ts';
import type { RestCall } from '../route.ts';
import { JsonFields } from './json-fields.ts';

/** What a page's backend asks for. */
export interface BrowserTokenRequest {
  readonly subject: string;
  readonly grants: readonly BrowserGrant[];
  readonly ttlSeconds: number;
}

const subjectLengthMax = 128;
const resourcesMax = 100;
const ttlSecondsMin = 10;
const ttlSecondsMax = 3_600;
const ttlSecondsDefault = 600;
const verbs = ['publish', 'subscribe'] as const;
const grantType = 'sealpost.v1.BrowserGrant';

/** Throws INVALID_ARGUMENT, naming the field and the rule that it breaks. */
export function readBrowserTokenRequest(json: { [key: string]: JsonValue }): BrowserTokenRequest {
  const fields = new JsonFields(json, ['subject', 'grants', 'ttlSeconds']);
  return { subject: subjectOf(fields), grants: grantsOf(fields), ttlSeconds: ttlOf(fields) };
}

/**
 * What a token would grant, as fields of an access rule: a page gets no more than its backend has.
 * The beginning of a name is a name that nothing has: what is granted on the project counts.
 */
export function grantedFields(call: RestCall): FieldOf {
  const { grants } = readBrowserTokenRequest(call.json());
  const named = (verb: BrowserGrant['verb'], collection: PubsubCollection): readonly string[] =>
    grants
      .filter((grant) => grant.verb === verb)
      .flatMap(({ resources }) => resources)
      .filter((name) => name.split('/')[2] === collection);
  const fields = new Map([
    ['publish_topic', named('publish', 'topics')],
    ['subscribe_topic', named('subscribe', 'topics')],
    ['subscribe_subscription', named('subscribe', 'subscriptions')],
  ]);
  return (path) => fields.get(path) ?? '';
}

function subjectOf(fields: JsonFields): string {
  const subject = fields.text('subject') ?? '';
  const isGood = /^[^\p{Cc}\p{Cs}]+$/u.test(subject) && subject.length <= subjectLengthMax;
  if (isGood) return subject;
  throw broken(
    'subject',
    `must have 1 to ${subjectLengthMax} characters, none of them a control character`,
  );
}

function ttlOf(fields: JsonFields): number {
  const seconds = fields.integer('ttlSeconds', 'TYPE_INT32') ?? ttlSecondsDefault;
  if (seconds >= ttlSecondsMin && seconds <= ttlSecondsMax) return seconds;
  throw broken('ttl_seconds', `must be from ${ttlSecondsMin} to ${ttlSecondsMax}`);
}

function grantsOf(fields: JsonFields): BrowserGrant[] {
  const messages = fields.messages('grants', ['verb', 'resources'], grantType);
  if (messages.length === 0) throw broken('grants', 'must not be empty');
  const grants = messages.map((message, index) => grantOf(message, `grants[${index}]`));
  const count = grants.reduce((sum, { resources }) => sum + resources.length, 0);
  if (count <= resourcesMax) return grants;
  throw broken('grants', `must name at most ${resourcesMax} resources, not ${count}`);
}

function grantOf(message: JsonFields, at: string): BrowserGrant {
  const verb = message.enumName('verb', `${grantType}.Verb`, verbs);
  if (verb === undefined) throw broken(`${at}.verb`, 'must be publish or subscribe');
  const resources = message.texts('resources');
  if (resources.length === 0) throw broken(`${at}.resources`, 'must not be empty');
  resources.forEach((name, index) => checkResource(name, verb, `${at}.resources[${index}]`));
  return { verb, resources };
}

function checkResource(name: string, verb: BrowserGrant['verb'], at: string): void {
  if (isNamed(name, 'topics')) return;
  if (verb === 'subscribe' && isNamed(name, 'subscriptions')) return;
  const allowed = verb === 'publish' ? 'a topic' : 'a topic or subscription';
  throw broken(at, `must be the full name of ${allowed}, or the beginning of one and *`);
}

/** A beginning reaches to within the id, so that a grant never spans projects. */
function isNamed(name: string, collection: PubsubCollection): boolean {
  if (!name.endsWith('*')) return parsePubsubName(name, collection) !== undefined;
  const beginning = name.slice(0, -1);
  const idLength = beginning.length - beginning.lastIndexOf('/') - 1;
  // What follows may complete an id that is still too short.
  return parsePubsubName(beginning + 'aaa'.slice(idLength), collection) !== undefined;
}

function broken(field: string, rule: string): Error {
  return badRequest([{ field, description: `Invalid value at '${field}': ${rule}.` }]);
}
