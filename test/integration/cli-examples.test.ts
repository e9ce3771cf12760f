import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { leaves, type Example } from '../../src/cli/command/command-spec.ts';
import { tree } from '../../src/cli/tree.ts';
import { CliProcess } from '../support/cli-process.ts';
import { useLiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

const live = useLiveServer();
const canRun = spawnSync('bash', ['--version']).status === 0;
const command = join(import.meta.dirname, '..', '..', 'bin', 'sealpost.js');
const variables = (): Record<string, string> => ({
  SEALPOST_SERVER: live.url,
  SEALPOST_PROJECT: 'page',
});

/**
 * Those of services and images need a vault, and the first account and a cold backup a stopped
 * server: they are in test/vault/cli.test.ts, test/access/first-account.test.ts and
 * test/delivery/backup.test.ts.
 */
const examples: readonly Example[] = leaves(tree)
  .flatMap(({ spec }) => spec.examples ?? [])
  .filter(
    ({ line }) => !/^sealpost (?:run|vault|(?:accounts create|backup) .* --data-dir) /.test(line),
  );

/**
 * Keys and schemas come before the topics that they are set on, snapshots before what seeks to
 * them, and what takes something away comes last.
 */
function stage({ line }: Example): number {
  if (line.startsWith('sealpost accounts delete ')) return 4;
  if (/ (delete|delete-revision|detach|revoke) /.test(line)) return 3;
  if (/ seek /.test(line)) return 2;
  return /^sealpost (keys|schemas) /.test(line) ? 0 : 1;
}

const folder = temporaryFolder();
afterAll(() => folder.remove());

const orderFields = [{ name: 'id', type: 'long' }];
const noted = [...orderFields, { name: 'note', type: 'string', default: '' }];

/** Files that lines name, by their names. */
const files: Readonly<Record<string, string>> = {
  passphrase: 'four words that nobody guesses\n',
  'sealpost.yaml': 'projects: {page: {topics: {declared: }}}\n',
  'order.avsc': JSON.stringify({ type: 'record', name: 'Order', fields: orderFields }),
  'order-2.avsc': JSON.stringify({ type: 'record', name: 'Order', fields: noted }),
  'order.json': '{"id":7}',
  'redact.json': JSON.stringify([
    {
      javascriptUdf: {
        functionName: 'redact',
        code: 'function redact(message) { return message; }',
      },
    },
  ]),
};

/** The oldest revision of the schema of the examples: its id is drawn by the server. */
async function firstRevision(): Promise<string> {
  const answer = await fetch(`${live.url}/v1/projects/page/schemas/order:listRevisions`);
  const { schemas } = (await answer.json()) as { schemas: { revisionId: string }[] };
  return schemas.at(-1)!.revisionId;
}

/** The same line on what is here: the server's directory, a passphrase's file, a revision. */
async function localised(line: string): Promise<string> {
  const passphrase = join(folder.path, 'passphrase');
  const revision = 'c7cfa2a8';
  return line
    .replace(revision, line.includes(revision) ? await firstRevision() : revision)
    .replace('/srv/backups/', `${folder.path}/`)
    .replace('--data-dir /srv/sealpost', `--data-dir ${live.dataDir}`)
    .replace('--passphrase-file new-passphrase', `--passphrase-file ${passphrase}`);
}

/** The exit code of a line, with all that it printed. */
async function exitOf(line: string): Promise<string> {
  const script = `sealpost() { "${process.execPath}" "${command}" "$@"; }\nset -o pipefail\n${line}`;
  const env = { ...process.env, ...variables() };
  try {
    await promisify(execFile)('bash', ['-c', script], { env, cwd: folder.path });
    return '0';
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return `${code}: ${stderr}`;
  }
}

/** One that goes on until Ctrl-C gets one as soon as it has begun. */
async function interrupted(line: string): Promise<string> {
  const reader = new CliProcess(line.split(' ').slice(1), variables());
  await reader.said('stderr', /Listening|Following/);
  reader.child.kill('SIGINT');
  const { code, stderr } = await reader.ended;
  return code === 0 ? '0' : `${code}: ${stderr}`;
}

test.skipIf(!canRun)(
  'every example of the help does what it says (needs bash)',
  { timeout: 240_000 },
  async () => {
    const inOrder = examples.toSorted((one, other) => stage(one) - stage(other));
    expect(inOrder.length).toBeGreaterThan(30);
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(folder.path, name), text, { mode: 0o600 });
    }
    for (const { line } of inOrder) {
      const isEndless = line === 'sealpost subscribe --topic orders' || line.endsWith('--follow');
      const exit = isEndless ? await interrupted(line) : await exitOf(await localised(line));
      // The web server of the push example is not there, which doctor may well call an error.
      if (line === 'sealpost doctor') expect(exit, line).toMatch(/^[01]/);
      else expect(exit, line).toBe('0');
    }
  },
);
