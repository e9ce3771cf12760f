import { accountShape } from '../shapes/access-shapes.ts';
import type { ExportedPolicies } from './exported-policies.ts';
import {
  asText,
  canonicalText,
  isObject,
  newObject,
  objectIn,
  textIn,
  type Json,
  type JsonObject,
} from '../json.ts';
import { keyShape } from '../shapes/key-shapes.ts';
import { lastPart, shortName } from '../names.ts';
import { normalObject } from '../normal-form.ts';
import { listAll, statusOf, type ResourceApi } from '../resource-api.ts';
import type { ObjectShape, Shape } from '../shapes/shape.ts';
import { subscriptionShape } from '../shapes/subscription-shape.ts';
import { schemaShape, topicShape } from '../shapes/topic-shapes.ts';

/** One project as a document says it: defaults left out, names short, everything in order. */
export class ExportedProject {
  readonly #id: string;
  readonly #api: ResourceApi;
  readonly #policies: ExportedPolicies;
  readonly #notes: string[];

  constructor(id: string, api: ResourceApi, policies: ExportedPolicies, notes: string[]) {
    this.#id = id;
    this.#api = api;
    this.#policies = policies;
    this.#notes = notes;
  }

  async json(): Promise<JsonObject> {
    const iam = await this.#policies.of(`projects/${this.#id}`, this.#id);
    const blocks = [
      ['iam', iam],
      ['accounts', await this.#accounts()],
      ['keyRings', await this.#keyRings()],
      ['schemas', await this.#schemas()],
      ['topics', await this.#topics()],
      ['subscriptions', await this.#subscriptions()],
    ] as const;
    return newObject(
      blocks.flatMap(([name, block]) =>
        block === undefined || Object.keys(block).length === 0 ? [] : [[name, block] as const],
      ),
    );
  }

  async #accounts(): Promise<JsonObject> {
    const accounts = await this.#list('serviceAccounts', 'accounts');
    return newObject(
      accounts.map((account) => [
        textIn(account, 'email').split('@')[0]!,
        this.#said(account, accountShape),
      ]),
    );
  }

  async #keyRings(): Promise<JsonObject> {
    const rings = await this.#list('locations/-/keyRings', 'keyRings');
    const exported = newObject();
    for (const ring of rings) {
      const name = textIn(ring, 'name');
      const keys = newObject();
      for (const key of ordered(await listAll(this.#api, `${name}/cryptoKeys`, 'cryptoKeys'))) {
        keys[lastPart(textIn(key, 'name'))] = await this.#withPolicy(key, this.#key(key));
      }
      const body = newObject(Object.keys(keys).length === 0 ? [] : [['keys', keys]]);
      exported[shortName(this.#id, name)] = await this.#withPolicy(ring, body);
    }
    return exported;
  }

  #key(key: JsonObject): JsonObject {
    const said = this.#said(key, keyShape);
    if (textIn(key, 'nextRotationTime') !== '') said['nextRotationTime'] = key['nextRotationTime']!;
    const external = objectIn(objectIn(key, 'primary'), 'externalProtectionLevelOptions');
    const externalKeyUri = textIn(external, 'externalKeyUri');
    if (externalKeyUri !== '') said['externalProtectionLevelOptions'] = { externalKeyUri };
    return said;
  }

  async #schemas(): Promise<JsonObject> {
    const exported = newObject();
    for (const listed of await this.#list('schemas', 'schemas')) {
      const name = textIn(listed, 'name');
      const schema = await this.#api({ method: 'GET', path: name, query: { view: 'FULL' } });
      exported[lastPart(name)] = await this.#withPolicy(listed, this.#said(schema, schemaShape));
    }
    return exported;
  }

  async #topics(): Promise<JsonObject> {
    const exported = newObject();
    for (const topic of await this.#list('topics', 'topics')) {
      const name = textIn(topic, 'name');
      const said = this.#said(topic, topicShape);
      exported[lastPart(name)] = await this.#withPolicy(topic, this.#withoutRevisions(name, said));
    }
    return exported;
  }

  /** A revision's id is drawn anew wherever a schema is made. */
  #withoutRevisions(name: string, topic: JsonObject): JsonObject {
    const settings = topic['schemaSettings'];
    if (!isObject(settings)) return topic;
    if (textIn(settings, 'schema') === '_deleted-schema_') {
      this.#notes.push(`${name}: its schema was deleted; it is written without one.`);
      delete topic['schemaSettings'];
      return topic;
    }
    if ('firstRevisionId' in settings || 'lastRevisionId' in settings) {
      this.#notes.push(`${name}: the revisions of its schema that messages may fit are left out.`);
      delete settings['firstRevisionId'];
      delete settings['lastRevisionId'];
    }
    return topic;
  }

  async #subscriptions(): Promise<JsonObject> {
    const exported = newObject();
    for (const subscription of await this.#list('subscriptions', 'subscriptions')) {
      const name = textIn(subscription, 'name');
      const isOrphan = textIn(subscription, 'topic') === '_deleted-topic_';
      if (isOrphan || subscription['detached'] === true) {
        const why = isOrphan ? 'its topic was deleted' : 'it is detached';
        this.#notes.push(`${name}: ${why}; it is left out.`);
        continue;
      }
      const said = this.#said(subscription, subscriptionShape);
      // Its default is another one where delivery is exactly once.
      if (said['enableExactlyOnceDelivery'] === true) {
        said['ackDeadlineSeconds'] = subscription['ackDeadlineSeconds'] ?? 10;
      }
      exported[lastPart(name)] = await this.#withPolicy(subscription, said);
    }
    return exported;
  }

  async #withPolicy(resource: JsonObject, body: JsonObject): Promise<JsonObject> {
    const iam = await this.#policies.of(textIn(resource, 'name'), this.#id);
    if (iam !== undefined) body['iam'] = iam;
    return body;
  }

  async #list(collection: string, field: string): Promise<JsonObject[]> {
    try {
      return ordered(await listAll(this.#api, `projects/${this.#id}/${collection}`, field));
    } catch (error) {
      if (statusOf(error) !== 'UNIMPLEMENTED') throw error;
      this.#notes.push(
        `projects/${this.#id}: its ${field} are not served here; they are left out.`,
      );
      return [];
    }
  }

  #said(given: JsonObject, shape: ObjectShape): JsonObject {
    return withoutDefaults(normalObject(given, shape), shape, this.#id);
  }
}

function ordered(items: readonly JsonObject[]): JsonObject[] {
  return items.toSorted((one, other) => (textIn(one, 'name') < textIn(other, 'name') ? -1 : 1));
}

/** What is as it would be by itself is not said. */
function withoutDefaults(normal: JsonObject, shape: ObjectShape, project: string): JsonObject {
  const byDefault = normalObject({}, shape);
  const said = newObject();
  for (const [name, field] of Object.entries(shape.fields)) {
    const value = normal[name];
    if (value === undefined) {
      // A policy that says never is there without its one field.
      if (byDefault[name] !== undefined && field.shape.kind === 'switch') said[name] = false;
      continue;
    }
    if (canonicalText(value) === canonicalText(byDefault[name])) continue;
    said[name] = saidValue(value, field.shape, project);
  }
  return said;
}

function saidValue(value: Json, shape: Shape, project: string): Json {
  if (shape.kind === 'name') return shortName(project, asText(value));
  if (shape.kind === 'object' && isObject(value)) return withoutDefaults(value, shape, project);
  if (shape.kind === 'map' && isObject(value)) {
    return newObject(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }
  if (shape.kind !== 'list' || !Array.isArray(value)) return value;
  return value.map((item) => saidValue(item, shape.of, project));
}
