import type { Action } from '../command/command-spec.ts';
import { shortId, shortKey } from '../connection/resource-names.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { byteText, counted } from '../output/plain-text.ts';
import { objectIn } from '../run/knative.ts';
import { followed, tell, type Report } from '../verify/verify-action.ts';

const verification = 'sealpost/v1/vault:verify';

export const verifyVault: Action = async (_call, tools) => {
  const report = (await tools.api.post(verification, {})) as Report;
  return tell(tools, await followed(tools, report, verification));
};

export const collect: Action = async (_call, { api, out }) => {
  const done = await api.post('sealpost/v1/vault:collect', {});
  const removed = Number(done['removed']);
  const text = `Removed ${counted(removed, 'layer')}; ${byteText(Number(done['bytes']))} are free again.`;
  out.result(done, [text]);
};

export const rewrap: Action = async ({ arguments: [text] }, { api, names, out }) => {
  const body = text === undefined ? {} : { key: names.key(text) };
  const done = await api.post('sealpost/v1/vault:rewrap', body);
  const [scanned, rewrapped, failed] = ['scanned', 'rewrapped', 'failed'].map((field) =>
    Number(done[field]),
  );
  out.result(done, [
    `Rewrapped ${counted(rewrapped!, 'DEK')} of ${scanned}; ${failed} could not be.`,
  ]);
  return failed === 0 ? 0 : 1;
};

const keyColumns = ['KEY', 'PROJECT', 'STATE', 'SINCE', 'DEKS UNDER', 'SHUTDOWN', 'DETAIL'].map(
  (title) => ({ title }),
);

export const listVaultKeys: Action = async (_call, { api, out }) => {
  const answer = await api.get('sealpost/v1/vault/keys');
  const keys = (answer['keys'] ?? []) as Json[];
  const row = (key: Json): string[] => [
    shortKey(textIn(key, 'key')),
    textIn(key, 'project'),
    textIn(key, 'condition'),
    textIn(key, 'since'),
    versionsOf(answer, key),
    nextShutdown(answer, key),
    textIn(key, 'message'),
  ];
  if (out.isJson) out.json(answer);
  else out.list(keys, keyColumns, row, 'No service has a key of its own.');
};

/** `2 (1 DEK), 3 (4 DEKs)`: what would be noise if a version were destroyed. */
function versionsOf(answer: Json, key: Json): string {
  const counts = new Map<string, number>();
  for (const dek of (answer['layerKeys'] ?? []) as Json[]) {
    if (dek['key'] !== key['key'] || dek['project'] !== key['project']) continue;
    const version = shortId(textIn(dek, 'keyVersion'));
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return [...counts].map(([version, count]) => `${version} (${counted(count, 'DEK')})`).join(', ');
}

function nextShutdown(answer: Json, key: Json): string {
  const deadlines = ((answer['shutdowns'] ?? []) as Json[])
    .filter(
      (each) =>
        each['key'] === key['key'] && objectIn(each, 'revision')['project'] === key['project'],
    )
    .map((each) => textIn(each, 'deadline'));
  return deadlines.toSorted()[0] ?? '';
}
