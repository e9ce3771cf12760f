import { accountEmail } from '../../rpc/index.ts';
import {
  bindingsAt,
  placedBinding,
  type DeclaredPolicy,
  type PlacedBinding,
} from './declared-policies.ts';
import {
  asText,
  isObject,
  listIn,
  newObject,
  objectIn,
  textIn,
  type Json,
  type JsonObject,
} from '../json.ts';
import { keyShape, keyRingShape } from '../shapes/key-shapes.ts';
import { accountShape } from '../shapes/access-shapes.ts';
import { fullName, keyRingName } from '../names.ts';
import type { Path } from './problem.ts';
import type { ObjectShape, Shape } from '../shapes/shape.ts';
import { subscriptionShape } from '../shapes/subscription-shape.ts';
import { schemaShape, topicShape } from '../shapes/topic-shapes.ts';

export type ResourceKind = 'keyRing' | 'key' | 'account' | 'schema' | 'topic' | 'subscription';

/** A resource as a document wants it. */
export interface DeclaredResource {
  readonly kind: ResourceKind;
  readonly project: string;
  readonly name: string;
  /** Fields in the words of its API, names of other resources in full. */
  readonly fields: JsonObject;
  readonly path: Path;
}

/** An account's file of credentials. */
export interface DeclaredKeyFile {
  readonly email: string;
  readonly accountName: string;
  readonly file: string;
  readonly path: Path;
}

/** Everything that a document says, in the order in which it is made. */
export interface DeclaredResources {
  readonly projects: readonly string[];
  readonly resources: readonly DeclaredResource[];
  readonly keyFiles: readonly DeclaredKeyFile[];
  readonly policies: readonly DeclaredPolicy[];
}

export const resourceShapes: Readonly<Record<ResourceKind, ObjectShape>> = {
  keyRing: keyRingShape,
  key: keyShape,
  account: accountShape,
  schema: schemaShape,
  topic: topicShape,
  subscription: subscriptionShape,
};

/** The resources of a document that was read without a problem. */
export function declaredResources(document: JsonObject): DeclaredResources {
  const resources: DeclaredResource[] = [];
  const keyFiles: DeclaredKeyFile[] = [];
  const policies: DeclaredPolicy[] = [];
  const organization = objectIn(document, 'organization');
  const above = { name: 'organizations/sealpost', project: '', path: ['organization'] };
  policies.push(...policyIn(organization, above));
  const projects = objectIn(document, 'projects');
  for (const id of Object.keys(projects)) {
    const project = new DeclaredProject(id, objectIn(projects, id));
    resources.push(...project.resources());
    keyFiles.push(...project.keyFiles());
    policies.push(...project.policies());
  }
  return { projects: Object.keys(projects), resources, keyFiles, policies };
}

type Placed = Pick<DeclaredResource, 'name' | 'project' | 'path'>;

class DeclaredProject {
  readonly #id: string;
  readonly #given: JsonObject;
  readonly #path: Path;

  constructor(id: string, given: JsonObject) {
    this.#id = id;
    this.#given = given;
    this.#path = ['projects', id];
  }

  resources(): DeclaredResource[] {
    return this.#entries().map(({ kind, name, given, path }) => ({
      kind,
      project: this.#id,
      name,
      path,
      fields: sentFields(given, resourceShapes[kind], this.#id),
    }));
  }

  policies(): DeclaredPolicy[] {
    const project = { name: `projects/${this.#id}`, project: this.#id, path: this.#path };
    const below = this.#entries()
      .filter(({ kind }) => kind !== 'account')
      .flatMap(({ name, given, path }) => policyIn(given, { name, project: this.#id, path }));
    return [...policyIn(this.#given, project, this.#roleBindings()), ...below];
  }

  keyFiles(): DeclaredKeyFile[] {
    return this.#of('account').flatMap(({ name, given, path }) => {
      const file = textIn(given, 'keyFile');
      const email = name.slice(name.lastIndexOf('/') + 1);
      const entry = { email, accountName: name, file, path: [...path, 'keyFile'] };
      return file === '' ? [] : [entry];
    });
  }

  /** What accounts' `roles` are short for. */
  #roleBindings(): PlacedBinding[] {
    return this.#of('account').flatMap(({ name, given, path }) => {
      const members = [`serviceAccount:${name.slice(name.lastIndexOf('/') + 1)}`];
      return listIn(given, 'roles').map((role, at) => ({
        role: asText(role),
        members,
        path: [...path, 'roles', String(at)],
      }));
    });
  }

  #of(kind: ResourceKind): Entry[] {
    return this.#entries().filter((entry) => entry.kind === kind);
  }

  #entries(): Entry[] {
    const id = this.#id;
    const rings = this.#entriesAt('keyRings', 'keyRing', (ring) => keyRingName(id, ring));
    const keys = rings.flatMap(({ name, given, path }) =>
      entriesOf(
        objectIn(given, 'keys'),
        'key',
        [...path, 'keys'],
        (key) => `${name}/cryptoKeys/${key}`,
      ),
    );
    const named = (collection: string) => (short: string) =>
      `projects/${id}/${collection}/${short}`;
    const account = (short: string): string =>
      `projects/${id}/serviceAccounts/${accountEmail(short, id)}`;
    return [
      ...rings,
      ...keys,
      ...this.#entriesAt('accounts', 'account', account),
      ...this.#entriesAt('schemas', 'schema', named('schemas')),
      ...this.#entriesAt('topics', 'topic', named('topics')),
      ...this.#entriesAt('subscriptions', 'subscription', named('subscriptions')),
    ];
  }

  #entriesAt(field: string, kind: ResourceKind, nameOf: (id: string) => string): Entry[] {
    return entriesOf(objectIn(this.#given, field), kind, [...this.#path, field], nameOf);
  }
}

interface Entry {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly given: JsonObject;
  readonly path: Path;
}

function entriesOf(
  given: JsonObject,
  kind: ResourceKind,
  path: Path,
  nameOf: (id: string) => string,
): Entry[] {
  return Object.keys(given).map((id) => ({
    kind,
    name: nameOf(id),
    given: objectIn(given, id),
    path: [...path, id],
  }));
}

function policyIn(
  given: JsonObject,
  at: Placed,
  more: readonly PlacedBinding[] = [],
): DeclaredPolicy[] {
  if (!isObject(given['iam']) && more.length === 0) return [];
  const policy = objectIn(given, 'iam');
  const path = [...at.path, 'iam'];
  const own = (listIn(policy, 'bindings') as JsonObject[]).map((binding, index) =>
    placedBinding(binding, at.project, [...path, 'bindings', String(index)]),
  );
  const places = [...own, ...more];
  return [
    {
      resource: at.name,
      bindings: bindingsAt(places),
      places,
      isAuthoritative: policy['authoritative'] === true,
      project: at.project,
      path,
    },
  ];
}

/** Without what is of the document alone, and with names in full. */
function sentFields(given: JsonObject, shape: ObjectShape, project: string): JsonObject {
  const sent = newObject();
  for (const [name, field] of Object.entries(shape.fields)) {
    const value = given[name];
    if (value === undefined || field.part === 'document') continue;
    sent[name] = sentValue(value, field.shape, project);
  }
  return sent;
}

function sentValue(value: Json, shape: Shape, project: string): Json {
  if (shape.kind === 'name') return fullName(shape.of, project, asText(value));
  if (shape.kind === 'object' && isObject(value)) return sentFields(value, shape, project);
  if (shape.kind !== 'list' || !Array.isArray(value)) return value;
  return value.map((item) => sentValue(item, shape.of, project));
}
