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
 * Those of services and images need a vault, and the first account a stopped server: they are in
 * test/vault/cli.test.ts and test/access/first-account.test.ts.
 */
const examples: readonly Example[] = leaves(tree)
  .flatMap(({ spec }) => spec.examples ?? [])
  .filter(({ line }) => !/^sealpost (?:run|vault|accounts create .* --data-dir) /.test(line));

/**
 * Keys come before the topics that they seal, snapshots before what seeks to them, and what takes
 * something away comes last.
 */
function stage({ line }: Example): number {
  if (line.startsWith('sealpost accounts delete ')) return 4;
  if (/ (delete|detach|revoke) /.test(line)) return 3;
  if (/ seek /.test(line)) return 2;
  return line.startsWith('sealpost keys ') ? 0 : 1;
}

const folder = temporaryFolder();
afterAll(() => folder.remove());

/** The same line on what is here: the server's directory, and a file with a passphrase. */
function localised(line: string): string {
  const passphrase = join(folder.path, 'passphrase');
  return line
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
    const passphrase = 'four words that nobody guesses\n';
    writeFileSync(join(folder.path, 'passphrase'), passphrase, { mode: 0o600 });
    const declared = 'projects: {page: {topics: {declared: }}}\n';
    writeFileSync(join(folder.path, 'sealpost.yaml'), declared);
    for (const { line } of inOrder) {
      const isEndless = line === 'sealpost subscribe --topic orders' || line.endsWith('--follow');
      const exit = isEndless ? await interrupted(line) : await exitOf(localised(line));
      // The web server of the push example is not there, which doctor may well call an error.
      if (line === 'sealpost doctor') expect(exit, line).toMatch(/^[01]/);
      else expect(exit, line).toBe('0');
    }
  },
);
