import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { SystemClock } from '../../src/runtime/index.ts';
import { DockerRegistry } from '../../test/support/docker-registry.ts';
import { describeMachine } from '../machine.ts';
import { startSealpost, type SealpostServer } from '../servers/sealpost.ts';
import {
  createKey,
  deploy,
  get,
  idle,
  instancesOf,
  metric,
  peakMebibytes,
  startsEnded,
} from './deployment.ts';
import { debianRoot, imageOf, largeRoot, missingPrograms, smallRoot } from './images.ts';

const usage = `Usage: npm run bench:vault [-- OPTIONS]

Imports and starts an image of Debian, beside skopeo copy and umoci unpack in the same run.

  --cache DIR     keeps the root file system and the images for the next run
  --rounds N      how often each is measured [3]
  --starts N      instances that are started at once, for the count of unwraps [100]
  --no-results    write no results file
  --help          this text`;

const clock = new SystemClock();
const run = promisify(execFile);
const mebibyte = 2 ** 20;

interface Round {
  readonly skopeoMs: number;
  readonly umociMs: number;
  readonly importMs: number;
  readonly openMs: number;
  readonly applyMs: number;
}

const say = (line: string): void => console.log(line);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = clock.monotonicMs();
  await work();
  return clock.monotonicMs() - startMs;
}

function serve(directory: string, registry: DockerRegistry): Promise<SealpostServer> {
  const args = ['--roles=kms,vault', '--insecure', '--vault-idle-seconds=1'];
  return startSealpost({ directory, args: [...args, `--registry-host=${registry.host}`] });
}

/** Each in a fresh place, so that nothing is there already. */
async function round(registry: DockerRegistry, image: string, directory: string): Promise<Round> {
  const memory = mkdtempSync('/dev/shm/sealpost-bench-');
  const layout = join(directory, 'copied');
  const copy = ['copy', '--insecure-policy', '--src-tls-verify=false', `docker://${image}`];
  const unpack = ['unpack', '--image', `${layout}:v1`, join(memory, 'bundle')];
  const server = await serve(join(directory, 'server'), registry);
  try {
    const skopeoMs = await timed(() => run('skopeo', [...copy, `oci:${layout}:v1`]));
    const umociMs = await timed(() => run('umoci', unpack, { maxBuffer: 2 ** 26 }));
    rmSync(memory, { recursive: true, force: true });
    await createKey(server);
    const url = await deploy(server, 'debian', image);
    const importMs = (await metric(server, 'sealpost_vault_import_seconds_sum')) * 1000;
    await idle(server, 'debian');
    await get(server, url, '/');
    const started = (await instancesOf(server, 'debian')).find(({ state }) => state === 'READY');
    const { openMs = 0, applyMs = 0 } = started?.times ?? {};
    return { skopeoMs, umociMs, importMs, openMs, applyMs };
  } finally {
    await server.stop();
    rmSync(memory, { recursive: true, force: true });
    for (const name of ['copied', 'server']) {
      rmSync(join(directory, name), { recursive: true, force: true });
    }
  }
}

/** Starts and unwraps of `count` instances that are needed at once. */
async function manyStarts(
  registry: DockerRegistry,
  image: string,
  directory: string,
  count: number,
): Promise<string> {
  const server = await serve(join(directory, 'many'), registry);
  try {
    await createKey(server);
    const url = await deploy(server, 'small', image, {}, 1);
    await idle(server, 'small');
    const ms = await timed(async () => {
      const slow = Array.from({ length: count }, () => get(server, url, '/cgi-bin/slow'));
      const statuses = await Promise.all(slow);
      const failed = statuses.filter((status) => status !== 200).length;
      if (failed > 0) say(`${String(failed)} of ${String(count)} requests were not answered well`);
    });
    await startsEnded(server, 'small');
    const starts = await metric(server, 'sealpost_vault_starts_total');
    const name = 'sealpost_vault_kms_requests_total';
    const unwraps = await metric(server, name, 'purpose="start"');
    return `${String(starts)} starts, the deployment's own among them, made ${String(unwraps)} unwraps (${(ms / 1000).toFixed(1)} s for ${String(count)} requests of 5 s at once).`;
  } finally {
    await server.stop();
  }
}

/** The server's peak while it takes in one layer of a gibibyte. */
async function importPeak(
  registry: DockerRegistry,
  image: string,
  directory: string,
): Promise<string> {
  const server = await serve(join(directory, 'peak'), registry);
  try {
    await createKey(server);
    const before = peakMebibytes(server.pid);
    await deploy(server, 'large', image);
    const after = peakMebibytes(server.pid);
    return `RSS at its peak ${before.toFixed(0)} MiB before and ${after.toFixed(0)} MiB after a layer of 1 GiB was imported and started.`;
  } finally {
    await server.stop();
  }
}

const seconds = (ms: number): string => (ms / 1000).toFixed(2);

function tableOf(rounds: readonly Round[]): string {
  return [
    '| round | skopeo copy, s | umoci unpack, s | import, s | open, s | apply, s | cold start / umoci |',
    '|---|---|---|---|---|---|---|',
    ...rounds.map((each, at) => {
      const cells = [each.skopeoMs, each.umociMs, each.importMs, each.openMs, each.applyMs];
      const ratio = (each.openMs + each.applyMs) / each.umociMs;
      return `| ${String(at + 1)} | ${cells.map(seconds).join(' | ')} | ${ratio.toFixed(2)} |`;
    }),
  ].join('\n');
}

async function measure(cache: string, directory: string, rounds: number, starts: number) {
  const registry = await new DockerRegistry().start();
  try {
    const root = await debianRoot(cache, say);
    mkdirSync(join(root, 'www'), { recursive: true });
    const bytes = Number((await run('du', ['-sb', root])).stdout.split('\t')[0]);
    const debian = await imageOf(root, cache, 'debian');
    const image = await registry.push(`oci:${debian.layout}`, 'bench/debian:v1');
    const results: Round[] = [];
    for (let at = 0; at < rounds; at++) {
      results.push(await round(registry, image, directory));
      say(tableOf(results).split('\n').at(-1) ?? '');
    }
    const small = await imageOf(smallRoot(cache), cache, 'small');
    const smallImage = await registry.push(`oci:${small.layout}`, 'bench/small:v1');
    const many = await manyStarts(registry, smallImage, directory, starts);
    const large = await imageOf(largeRoot(cache, 1024 * mebibyte), cache, 'large');
    const largeImage = await registry.push(`oci:${large.layout}`, 'bench/large:v1');
    const peak = await importPeak(registry, largeImage, directory);
    return { megabytes: bytes / 1e6, table: tableOf(results), lines: [many, peak] };
  } finally {
    await registry.stop();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      cache: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      starts: { type: 'string', default: '100' },
      'no-results': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(usage);
  const missing = missingPrograms();
  if (missing.length > 0) throw new Error(`Not installed: ${missing.join(', ')}.`);
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-vault-'));
  const cache = values.cache ?? directory;
  try {
    mkdirSync(cache, { recursive: true });
    const { rounds, starts } = values;
    const found = await measure(cache, directory, Number(rounds), Number(starts));
    const text = `${found.table}\n\n${found.lines.join('\n')}\n`;
    say(`\n${text}`);
    if (values['no-results']) return;
    const day = new Date(clock.wallMs()).toISOString().slice(0, 10);
    const head = `# The vault: import and cold start\n\nAn image of Debian, ${found.megabytes.toFixed(0)} MB in one layer; ${JSON.stringify(describeMachine())}\n\n`;
    writeFileSync(join(import.meta.dirname, '..', 'results', `${day}-vault.md`), head + text);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
