import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { billOfMaterials } from '../../scripts/sbom.ts';
import { temporaryFolder } from '../support/server-process.ts';
import { publishOnce, readyUrl } from './ready-line.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const folder = temporaryFolder();
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
};
const tarball = join(folder.path, `sealpost-${version}.tgz`);

/** As a stranger's shell is: without the Node of this clone. */
const path = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((part) => !part.startsWith(root))
  .join(delimiter);
const env = { ...process.env, PATH: path };

interface PackedFile {
  readonly path: string;
}
let packed: readonly PackedFile[] = [];

beforeAll(async () => {
  const argv = ['pack', '--json', '--pack-destination', folder.path];
  const { stdout } = await run('npm', argv, { cwd: root, maxBuffer: 16 * 1024 * 1024 });
  // What the build says comes before npm's own answer.
  const [answer] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as { files: PackedFile[] }[];
  packed = answer?.files ?? [];
}, 120_000);

afterAll(() => folder.remove());

test('the package holds what runs and its documents, and neither tests nor sources', () => {
  const names = packed.map((file) => file.path);
  for (const needed of ['bin/sealpost.js', 'dist/main.js', 'README.md', 'LICENSE', 'docs/cli.md']) {
    expect(names).toContain(needed);
  }
  const strangers = names.filter((name) =>
    /^(src|test|bench|scripts|deploy)\/|\.test\./.test(name),
  );
  expect(strangers).toEqual([]);
});

test('its bill of materials names each package of the lock file that users install, once', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly version: string; readonly dev?: true }>>;
  };
  const expected = Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, each]) => `${path.slice(path.lastIndexOf('node_modules/') + 13)}@${each.version}`);
  const bill = billOfMaterials();
  const named = bill.components.map((each) => `${each.name}@${each.version}`);
  expect(named.toSorted()).toEqual([...new Set(expected)].toSorted());
  expect(bill.metadata.component).toMatchObject({ name: 'sealpost', version });
  expect(billOfMaterials()).toEqual(bill);
  expect(packed.map((file) => file.path)).toContain('dist/sbom.cdx.json');
});

test('npx starts it from the tarball in an empty folder, and it serves', async () => {
  const cwd = join(folder.path, 'empty');
  await run('mkdir', [cwd]);
  // An absolute path would be run as a program.
  const argv = [
    '--yes',
    `../sealpost-${version}.tgz`,
    'serve',
    '--port',
    '0',
    '--data-dir',
    'data',
  ];
  const child = spawn('npx', argv, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    expect(await publishOnce(await readyUrl(child))).toMatch(/^\d{17}$/);
    expect(readdirSync(cwd).toSorted()).toEqual(['data', 'data-keys']);
  } finally {
    // npx is no shell of ours: the signal is for all that it started.
    process.kill(-child.pid!, 'SIGTERM');
    await ended;
  }
}, 180_000);

test('an installed package says its version and runs a worker of each kind from dist', async () => {
  const cwd = join(folder.path, 'installed');
  await run('mkdir', [cwd]);
  await run('npm', ['install', '--no-audit', '--no-fund', tarball], { cwd, env });
  const { stdout } = await run('npx', ['sealpost', '--version'], { cwd, env });
  expect(stdout.trim()).toBe(version);
  const dist = join(cwd, 'node_modules', 'sealpost', 'dist');
  for (const worker of ['vault/threads/job-worker.js', 'pkcs11/token-process.js']) {
    expect(existsSync(join(dist, worker)), worker).toBe(true);
  }
}, 180_000);
