import type { Action } from '../command/command-spec.ts';
import { exitCodes } from '../command/exit-codes.ts';
import { shortId, shortKey } from '../connection/resource-names.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { ageText, byteText, counted, roughly } from '../output/plain-text.ts';
import { listIn, objectIn } from '../run/knative.ts';
import { followed, tell, type Report } from '../verify/verify-action.ts';

const verification = 'sealpost/v1/vault:verify';

export const verifyVault: Action = async (_call, tools) => {
  const report = (await tools.api.post(verification, {})) as Report;
  return tell(tools, await followed(tools, report, verification));
};

export const collect: Action = async (_call, { api, out }) => {
  const done = await api.post('sealpost/v1/vault:collect', {});
  const removed = Number(done['removed']);
  const freed = `${byteText(Number(done['bytes']))} are free again`;
  out.result(done, [
    removed === 0
      ? 'Nothing to remove. Layers stay for an hour after they were last counted on.'
      : `Removed ${counted(removed, 'layer')}; ${freed}.`,
  ]);
};

export const rewrap: Action = async ({ arguments: [text] }, { api, names, out }) => {
  const body = text === undefined ? {} : { key: names.key(text) };
  const done = await api.post('sealpost/v1/vault:rewrap', body);
  const [scanned = 0, rewrapped = 0, failed = 0] = ['scanned', 'rewrapped', 'failed'].map((field) =>
    Number(done[field]),
  );
  const rest = failed === 0 ? '' : ` ${failed} could not be: sealpost vault keys says why.`;
  out.result(done, [
    scanned === 0
      ? `No service has a DEK${text === undefined ? '' : ' under that key'}.`
      : `Rewrapped ${rewrapped} of ${counted(scanned, 'DEK')}; ${scanned - rewrapped - failed} had no need.${rest}`,
  ]);
  return failed === 0 ? exitCodes.done : exitCodes.failed;
};

const keyColumns = ['KEY', 'PROJECT', 'STATE', 'FOR', 'DEKS UNDER', 'SHUTDOWN', 'DETAIL'].map(
  (title) => ({ title }),
);

export const listVaultKeys: Action = async (_call, { api, out, clock }) => {
  const answer = await api.get('sealpost/v1/vault/keys');
  const nowMs = clock.wallMs();
  const row = (key: Json): string[] => [
    shortKey(textIn(key, 'key')),
    textIn(key, 'project'),
    stateOf(key),
    ageText(textIn(key, 'since'), nowMs),
    versionsOf(answer, key),
    nextShutdown(answer, key, nowMs),
    // The key is named by the first column.
    textIn(key, 'message').replace(/ CMEK [kK]ey: \S+$/, ''),
  ];
  if (out.isJson) out.json(answer);
  else out.list(listIn(answer, 'keys'), keyColumns, row, 'No service has a key of its own.');
};

function stateOf(key: Json): string {
  const cause = textIn(key, 'cause');
  return `${textIn(key, 'condition')}${cause === '' ? '' : ` (${cause})`}`;
}

/** `2 (1 DEK), 3 (4 DEKs)`: what would be noise if a version were destroyed. */
function versionsOf(answer: Json, key: Json): string {
  const counts = new Map<string, number>();
  for (const dek of listIn(answer, 'layerKeys')) {
    if (dek['key'] !== key['key'] || dek['project'] !== key['project']) continue;
    const version = shortId(textIn(dek, 'keyVersion'));
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return [...counts].map(([version, count]) => `${version} (${counted(count, 'DEK')})`).join(', ');
}

/** `in 42 min`: when the first revision is stopped. */
function nextShutdown(answer: Json, key: Json, nowMs: number): string {
  const deadlines = listIn(answer, 'shutdowns')
    .filter(
      (each) =>
        each['key'] === key['key'] && objectIn(each, 'revision')['project'] === key['project'],
    )
    .map((each) => Date.parse(textIn(each, 'deadline')));
  if (deadlines.length === 0) return '';
  const leftMs = Math.min(...deadlines) - nowMs;
  return leftMs > 0 ? `in ${roughly(leftMs)}` : 'now';
}
