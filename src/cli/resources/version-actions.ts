import { usageError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { shortId, shortKey } from '../connection/resource-names.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { primaryOf } from './key-actions.ts';

const keyName = ({ arguments: [key = ''] }: Call, { names }: Tools): string => names.key(key);

function versionName(call: Call, tools: Tools): string {
  const [, version = ''] = call.arguments;
  if (/^[1-9]\d{0,8}$/.test(version)) return `${keyName(call, tools)}/cryptoKeyVersions/${version}`;
  throw usageError(`"${version}" is no number of a version.`);
}

export const listVersions: Action = async (call, tools) => {
  const name = keyName(call, tools);
  const versions = await tools.api.list(`${name}/cryptoKeyVersions`, 'cryptoKeyVersions');
  const primary = primaryOf(await tools.api.get(name)).id;
  const columns = ['VERSION', 'STATE', 'PRIMARY', 'CREATED'].map((title) => ({ title }));
  const row = (version: Json): string[] => {
    const id = shortId(textIn(version, 'name'));
    const mark = id === primary ? 'yes' : '';
    return [id, textIn(version, 'state'), mark, textIn(version, 'createTime')];
  };
  tools.out.list(versions, columns, row, `${name} has no versions.`);
};

export const createVersion: Action = async (call, tools) => {
  const name = keyName(call, tools);
  const version = await tools.api.post(`${name}/cryptoKeyVersions`, {});
  const id = shortId(textIn(version, 'name'));
  tools.out.result(version, [
    `Created version ${id} of ${shortKey(name)}; it is ${textIn(version, 'state')} and not primary.`,
    `Next, to seal with it: sealpost keys versions primary ${call.arguments[0]!} ${id}`,
  ]);
};

export const makePrimary: Action = async (call, tools) => {
  const [, id = ''] = call.arguments;
  versionName(call, tools);
  const name = keyName(call, tools);
  const body = { cryptoKeyVersionId: id };
  const key = await tools.api.post(`${name}:updatePrimaryVersion`, body);
  tools.out.result(key, [
    `Version ${id} of ${shortKey(name)} is primary: it wraps what is sealed from now on.`,
    'Older versions still open what they wrapped; leave them enabled while that is needed.',
  ]);
};

export const disableVersion: Action = (call, tools) =>
  setState(call, tools, 'DISABLED', (id, key) => [
    `Disabled version ${id} of ${shortKey(key)}: nothing that needs it is published or delivered.`,
    `Messages stay, and so do acks. Undo: sealpost keys versions enable ${call.arguments[0]!} ${id}`,
  ]);

export const enableVersion: Action = (call, tools) =>
  setState(call, tools, 'ENABLED', (id, key, version) => [
    `Enabled version ${id} of ${shortKey(key)}: ${restoredBy(version)}`,
    'Official clients must open their streams anew; sealpost subscribe does by itself.',
  ]);

/** Who decides whether what the version wrapped can be used again. */
const restoredBy = (version: Json): string =>
  textIn(version, 'protectionLevel').startsWith('EXTERNAL')
    ? 'what it wrapped can be used as far as the external key manager allows it.'
    : 'publish and delivery that needed it work again.';

export const destroyVersion: Action = async (call, tools) => {
  const name = versionName(call, tools);
  const isForced = call.flags.isSet('force');
  const headers = isForced ? { headers: { 'x-sealpost-force-destroy': 'true' } } : {};
  const version = await tools.api.post(`${name}:destroy`, {}, headers);
  const [id, key] = [shortId(name), call.arguments[0]!];
  tools.out.result(version, [
    `Version ${id} of ${shortKey(keyName(call, tools))} will be destroyed at ${textIn(version, 'destroyTime')}; it cannot be used any more.`,
    `Undo until then: sealpost keys versions restore ${key} ${id}`,
  ]);
};

export const restoreVersion: Action = async (call, tools) => {
  const name = versionName(call, tools);
  const version = await tools.api.post(`${name}:restore`, {});
  const id = shortId(name);
  tools.out.result(version, [
    `Version ${id} of ${shortKey(keyName(call, tools))} will not be destroyed; it is ${textIn(version, 'state')}.`,
    `Next, to use it: sealpost keys versions enable ${call.arguments[0]!} ${id}`,
  ]);
};

async function setState(
  call: Call,
  tools: Tools,
  state: 'ENABLED' | 'DISABLED',
  linesOf: (id: string, key: string, version: Json) => readonly string[],
): Promise<void> {
  const name = versionName(call, tools);
  const version = await tools.api.patch(name, { state }, { updateMask: 'state' });
  tools.out.result(version, linesOf(shortId(name), keyName(call, tools), version));
}
