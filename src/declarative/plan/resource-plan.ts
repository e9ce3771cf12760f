import type { Declaration } from '../document/declaration.ts';
import { resourceShapes, type DeclaredResource } from '../document/declared-resources.ts';
import { newObject, objectIn, textIn, type Json, type JsonObject } from '../json.ts';
import { changesOf, fixedChanges, type Change } from '../normal-form.ts';
import type { Problem } from '../document/problem.ts';
import { find, unlessUnanswered, type ResourceApi } from '../resource-api.ts';
import { refusedDefinitions } from './definition-checks.ts';
import { resourceMethods } from './resource-requests.ts';
import { requestStep, type Step } from './step.ts';

/** The longest deadline that a subscription with exactly-once delivery has by itself. */
const exactlyOnceDeadlineSeconds = 60;

/** What of a server's resources is to be made and changed, and what cannot be. */
export class ResourcePlan {
  readonly steps: Step[] = [];
  readonly problems: Problem[] = [];
  /** Full names of what is there now. */
  readonly present: Set<string> = new Set();
  readonly #declaration: Declaration;
  readonly #api: ResourceApi;
  readonly #nowMs: number;
  readonly #declared: ReadonlySet<string>;
  readonly #found: Map<string, Promise<JsonObject | null>> = new Map();

  constructor(declaration: Declaration, api: ResourceApi, nowMs: number) {
    this.#declaration = declaration;
    this.#api = api;
    this.#nowMs = nowMs;
    this.#declared = new Set(declaration.resources.map(({ name }) => name));
  }

  /** Steps for one resource, if it needs any. */
  async add(given: DeclaredResource): Promise<void> {
    const resource = given.kind === 'subscription' ? withDeadline(given) : given;
    const { kind, name } = resource;
    await this.#requireReferents(resource);
    const there = await this.#find(name);
    if (there !== null) this.present.add(name);
    const step =
      there === null
        ? this.#creation(resource)
        : this.#change(resource, kind === 'account' ? plainAccount(there) : there);
    if (step === undefined) return;
    this.steps.push(step);
    await this.#requireDefinitions(resource, step);
  }

  /** Whether there is such a resource in the document or on the server, or nobody says. */
  async isKnown(name: string): Promise<boolean> {
    return this.#declared.has(name) || (await unlessUnanswered(this.#find(name))) !== null;
  }

  #creation(resource: DeclaredResource): Step {
    const { kind, name, fields } = resource;
    const { noun, create } = resourceMethods[kind];
    const changes = changesOf(newObject(), fields, resourceShapes[kind]).map((change): Change => ({
      ...change,
      from: undefined,
    }));
    const shown = changes.filter(({ path }) => fields[path[0]!] !== undefined);
    const step = { action: 'create', noun, name, changes: shown } as const;
    return requestStep(step, create(resource, this.#nowMs));
  }

  #change(resource: DeclaredResource, there: JsonObject): Step | undefined {
    const { kind, name, fields, path: at } = resource;
    const shape = resourceShapes[kind];
    const fixed = fixedChanges(there, fields, shape);
    for (const { path, from, to } of fixed) {
      const message = `cannot be changed: it is ${shown(from)}, not ${shown(to)}`;
      this.problems.push(this.#declaration.places.problem([...at, ...path], message));
    }
    const changes = changesOf(there, fields, shape);
    if (fixed.length > 0 || changes.length === 0) return undefined;
    const { noun, update } = resourceMethods[kind];
    const step = { action: 'update', noun, name, changes } as const;
    return requestStep(step, update(resource, changes, this.#nowMs));
  }

  /** Only of what is sent: what is there was taken once. */
  async #requireDefinitions(resource: DeclaredResource, { changes }: Step): Promise<void> {
    const sent = new Set(changes.map(({ path }) => path[0]));
    if (!sent.has('definition') && !sent.has('messageTransforms')) return;
    for (const { path, message } of await refusedDefinitions(resource, this.#api)) {
      this.problems.push(this.#declaration.places.problem([...resource.path, ...path], message));
    }
  }

  /** Topics, schemas and keys that are named must be in the document, or on the server. */
  async #requireReferents({ fields, path }: DeclaredResource): Promise<void> {
    const referents: readonly (readonly [string, string])[] = [
      ['topic', textIn(fields, 'topic')],
      [
        'deadLetterPolicy.deadLetterTopic',
        textIn(objectIn(fields, 'deadLetterPolicy'), 'deadLetterTopic'),
      ],
      ['kmsKeyName', textIn(fields, 'kmsKeyName')],
      ['schemaSettings.schema', textIn(objectIn(fields, 'schemaSettings'), 'schema')],
    ];
    for (const [field, name] of referents) {
      if (name === '' || (await this.isKnown(name))) continue;
      const message = `names ${name}, which is neither here nor on the server`;
      this.problems.push(this.#declaration.places.problem([...path, ...field.split('.')], message));
    }
  }

  #find(name: string): Promise<JsonObject | null> {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const found = find(this.#api, name);
    this.#found.set(name, found);
    return found;
  }
}

/** Its default is another where delivery is exactly once, and must be sent when that changes. */
function withDeadline(resource: DeclaredResource): DeclaredResource {
  const { fields } = resource;
  const isExactlyOnce = fields['enableExactlyOnceDelivery'] === true;
  if (fields['ackDeadlineSeconds'] !== undefined || !isExactlyOnce) return resource;
  const filled = newObject(Object.entries(fields));
  filled['ackDeadlineSeconds'] = exactlyOnceDeadlineSeconds;
  return { ...resource, fields: filled };
}

const plainAccount = ({
  displayName = '',
  description = '',
  disabled = false,
}: JsonObject): JsonObject => ({
  displayName,
  description,
  disabled,
});

const shown = (value: Json | undefined): string =>
  value === undefined ? 'not set' : JSON.stringify(value);
