import type { Action } from '../command/command-spec.ts';
import { shortId, shortKey } from '../connection/resource-names.ts';
import { textIn, type Json, type RestApi } from '../connection/rest-api.ts';
import { fieldLines } from '../output/table.ts';
import { labelText } from './resource-change.ts';

export const createRing: Action = async ({ arguments: [text = ''] }, { api, names, out }) => {
  const name = names.keyRing(text);
  const [parent, id] = split(name, '/keyRings/');
  const ring = await api.call('POST', `${parent}/keyRings`, { query: { keyRingId: id }, body: {} });
  out.result(ring, [`Created ${name}.`, `Next: sealpost keys create ${text}/KEY`]);
};

const ringRow = (ring: Json): string[] => [
  shortId(textIn(ring, 'name')),
  textIn(ring, 'createTime'),
];

export const listRings: Action = async ({ flags }, { api, names, out }) => {
  const location = names.location(flags.text('location') ?? 'global');
  const rings = await api.list(`${location}/keyRings`, 'keyRings');
  const columns = [{ title: 'KEY RING' }, { title: 'CREATED' }];
  out.list(rings, columns, ringRow, `There are no key rings in ${location}.`);
};

export const createKey: Action = async ({ arguments: [text = ''] }, { api, names, out }) => {
  const name = names.key(text);
  const [parent, id] = split(name, '/cryptoKeys/');
  const key = await api.call('POST', `${parent}/cryptoKeys`, {
    query: { cryptoKeyId: id },
    body: { purpose: 'ENCRYPT_DECRYPT' },
  });
  out.result(key, [
    `Created ${name}; version 1 is enabled and primary.`,
    `Next, so that topics may use it: sealpost keys grant ${text}`,
    // Services use keys of their own region alone.
    ...(name.includes('/locations/global/')
      ? []
      : [`Or services of that region: sealpost keys grant ${text} --service run`]),
  ]);
};

const keyColumns = ['KEY', 'PRIMARY', 'STATE', 'LABELS'].map((title) => ({ title }));

const keyRow = (key: Json): string[] => {
  const { id, state } = primaryOf(key);
  return [shortKey(textIn(key, 'name')), id, state, labelText(key['labels'])];
};

export const listKeys: Action = async ({ arguments: [ring], flags }, { api, names, out }) => {
  const location = flags.text('location') ?? 'global';
  const rings =
    ring === undefined ? await ringNames(api, names.location(location)) : [names.keyRing(ring)];
  const keys: Json[] = [];
  for (const each of rings) keys.push(...(await api.list(`${each}/cryptoKeys`, 'cryptoKeys')));
  out.list(keys, keyColumns, keyRow, `There are no keys in ${ring ?? names.location(location)}.`);
};

export const describeKey: Action = async ({ arguments: [text = ''] }, { api, names, out }) => {
  const name = names.key(text);
  const key = await api.get(name);
  const versions = await api.list(`${name}/cryptoKeyVersions`, 'cryptoKeyVersions');
  const policy = await api.get(`${name}:getIamPolicy`);
  const bindings = (policy['bindings'] ?? []) as { role: string; members?: string[] }[];
  const users = bindings.flatMap(({ role, members }) =>
    (members ?? []).map((member) => `${member} (${shortId(role)})`),
  );
  const states = versions.map(({ name, state }) => `${shortId(String(name))} ${String(state)}`);
  const lines = fieldLines([
    ['Key', name],
    ['Primary', primaryOf(key).id],
    ['Labels', labelText(key['labels'])],
    ...block('Versions', states),
    ...block(
      'May use it',
      users.length === 0 ? ['nobody; sealpost keys grant changes that'] : users,
    ),
  ]);
  out.result({ ...key, versions, policy }, lines);
};

/** A field with several values: its name stands before the first. */
function block(title: string, values: readonly string[]): [string, string][] {
  return values.map((value, at) => [at === 0 ? title : '', value]);
}

async function ringNames(api: RestApi, location: string): Promise<string[]> {
  return (await api.list(`${location}/keyRings`, 'keyRings')).map(({ name }) => String(name));
}

/** Number and state of the version that seals; `none` without one. */
export function primaryOf(key: Json): { readonly id: string; readonly state: string } {
  const primary = key['primary'] as Json | undefined;
  if (primary === undefined) return { id: 'none', state: '' };
  return { id: shortId(textIn(primary, 'name')), state: textIn(primary, 'state') };
}

function split(name: string, at: string): [parent: string, id: string] {
  const index = name.lastIndexOf(at);
  return [name.slice(0, index), name.slice(index + at.length)];
}
