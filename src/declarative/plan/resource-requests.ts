import { formatTimestamp } from '../../rpc/index.ts';
import type { DeclaredResource, ResourceKind } from '../document/declared-resources.ts';
import { newObject, objectIn, textIn, type JsonObject } from '../json.ts';
import { lastPart, parentOf } from '../names.ts';
import type { Change } from '../normal-form.ts';
import type { ResourceRequest } from '../resource-api.ts';
import { secondsOf } from '../shapes/shape.ts';
import type { Noun } from './step.ts';

/** How one kind of resource is made and changed over its API. */
export interface ResourceMethods {
  readonly noun: Noun;
  readonly create: (resource: DeclaredResource, nowMs: number) => ResourceRequest[];
  /** `changes` are those of its own fields, at least one. */
  readonly update: (
    resource: DeclaredResource,
    changes: readonly Change[],
    nowMs: number,
  ) => ResourceRequest[];
}

const namesOf = (changes: readonly Change[]): string[] => changes.map(({ path }) => path[0]!);

/** Topics and subscriptions: PUT makes one, PATCH has it under its noun, with a mask. */
function pubsubMethods(noun: 'topic' | 'subscription'): ResourceMethods {
  return {
    noun,
    create: ({ name, fields }) => [{ method: 'PUT', path: name, body: fields }],
    update: ({ name, fields }, changes) => {
      const names = namesOf(changes);
      const changed = newObject([['name', name], ...picked(fields, names)]);
      const body = { [noun]: changed, updateMask: names.join(',') };
      return [{ method: 'PATCH', path: name, body }];
    },
  };
}

function picked(fields: JsonObject, names: readonly string[]): [string, JsonObject[string]][] {
  return names.flatMap((name) => {
    const value = fields[name];
    return value === undefined ? [] : [[name, value]];
  });
}

const keyRing: ResourceMethods = {
  noun: 'key ring',
  create: ({ name }) => {
    const query = { keyRingId: lastPart(name) };
    return [{ method: 'POST', path: `${parentOf(name, 'keyRings')}/keyRings`, query, body: {} }];
  },
  update: () => [],
};

const key: ResourceMethods = {
  noun: 'key',
  create: (resource, nowMs) => {
    const { name, fields } = resource;
    const { externalProtectionLevelOptions: external, ...rest } = fields;
    const path = `${parentOf(name, 'cryptoKeys')}/cryptoKeys`;
    const body = { purpose: 'ENCRYPT_DECRYPT', ...rest, ...scheduleOf(fields, nowMs) };
    const isExternal = external !== undefined;
    const query = {
      cryptoKeyId: lastPart(name),
      ...(isExternal && { skipInitialVersionCreation: 'true' }),
    };
    const made: ResourceRequest = { method: 'POST', path, query, body };
    return isExternal ? [made, ...firstVersion(resource)] : [made];
  },
  update: ({ name, fields }, changes, nowMs) => {
    const names = namesOf(changes);
    const schedule = names.includes('rotationPeriod') ? ['nextRotationTime'] : [];
    const mask = [...names, ...schedule];
    const changed = { ...fields, ...scheduleOf(fields, nowMs) };
    const body = newObject(picked(changed, mask));
    return [{ method: 'PATCH', path: name, query: { updateMask: mask.join(',') }, body }];
  },
};

/** A period needs a first time; one that is past is no time of a rotation any more. */
function scheduleOf(fields: JsonObject, nowMs: number): JsonObject {
  const period = secondsOf(textIn(fields, 'rotationPeriod'));
  if (period === undefined) return {};
  const given = Date.parse(textIn(fields, 'nextRotationTime'));
  const next = given > nowMs ? given : nowMs + period * 1000;
  return { nextRotationTime: formatTimestamp(next) };
}

/** The version of an external key is where its manager has it, and becomes the primary one. */
function firstVersion({ name, fields }: DeclaredResource): ResourceRequest[] {
  const externalProtectionLevelOptions = objectIn(fields, 'externalProtectionLevelOptions');
  const version: ResourceRequest = {
    method: 'POST',
    path: `${name}/cryptoKeyVersions`,
    body: { externalProtectionLevelOptions },
  };
  const hasPrimary = (textIn(fields, 'purpose') || 'ENCRYPT_DECRYPT') === 'ENCRYPT_DECRYPT';
  if (!hasPrimary) return [version];
  const body = { cryptoKeyVersionId: '1' };
  return [version, { method: 'POST', path: `${name}:updatePrimaryVersion`, body }];
}

const account: ResourceMethods = {
  noun: 'account',
  create: ({ name, fields }) => {
    const accountId = lastPart(name).split('@')[0]!;
    const { disabled, ...serviceAccount } = fields;
    const path = `${parentOf(name, 'serviceAccounts')}/serviceAccounts`;
    const made: ResourceRequest = { method: 'POST', path, body: { accountId, serviceAccount } };
    return disabled === true ? [made, switching(name, 'disable')] : [made];
  },
  update: ({ name, fields }, changes) => {
    const names = namesOf(changes).filter((field) => field !== 'disabled');
    const requests: ResourceRequest[] = [];
    if (names.length > 0) {
      const serviceAccount = newObject(names.map((field) => [field, fields[field] ?? '']));
      const body = { serviceAccount, updateMask: names.join(',') };
      requests.push({ method: 'PATCH', path: name, body });
    }
    const verb = fields['disabled'] === true ? 'disable' : 'enable';
    if (names.length < changes.length) requests.push(switching(name, verb));
    return requests;
  },
};

const switching = (name: string, verb: 'disable' | 'enable'): ResourceRequest => ({
  method: 'POST',
  path: `${name}:${verb}`,
  body: {},
});

const schema: ResourceMethods = {
  noun: 'schema',
  create: ({ name, fields }) => {
    const query = { schemaId: lastPart(name) };
    return [{ method: 'POST', path: `${parentOf(name, 'schemas')}/schemas`, query, body: fields }];
  },
  update: ({ name, fields }) => [
    { method: 'POST', path: `${name}:commit`, body: { schema: { name, ...fields } } },
  ],
};

export const resourceMethods: Readonly<Record<ResourceKind, ResourceMethods>> = {
  keyRing,
  key,
  account,
  schema,
  topic: pubsubMethods('topic'),
  subscription: pubsubMethods('subscription'),
};
