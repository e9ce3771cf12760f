import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientTypes, clientTypesPath } from '../../scripts/generate-client-types.ts';
import { temporaryFolder } from '../support/server-process.ts';

const root = join(import.meta.dirname, '..', '..');
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const folder = temporaryFolder();
const installed = join(folder.path, 'node_modules', 'sealpost');

interface Manifest {
  readonly files: readonly string[];
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
}
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

const run = (argv: readonly string[]): string =>
  execFileSync(process.execPath, argv, { cwd: folder.path, encoding: 'utf8' });

/** What a package holds of the client, where npm would put it. */
beforeAll(() => {
  mkdirSync(installed, { recursive: true });
  run([tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', join(installed, 'dist')]);
  for (const name of ['bin', 'package.json'])
    cpSync(join(root, name), join(installed, name), { recursive: true });
  writeFileSync(join(folder.path, 'package.json'), '{"type": "module"}');
});

afterAll(() => folder.remove());

const imports = "import { connect, SealpostError } from 'sealpost/client';";
const use = `${imports} console.log(typeof connect, SealpostError.name);`;

test('an installed package has the client, for each condition of its exports', () => {
  const targets = Object.values(manifest.exports['./client'] ?? {});
  expect(targets.length).toBeGreaterThan(2);
  for (const target of targets) {
    expect(existsSync(join(installed, target)), target).toBe(true);
    expect(manifest.files).toContain(target.split('/')[1]);
  }
  expect(run(['--input-type=module', '-e', use])).toBe('function SealpostError\n');
  for (const target of targets.filter((each) => each.endsWith('.js'))) {
    const direct = use.replace('sealpost/client', pathToFileURL(join(installed, target)).href);
    expect(run(['--input-type=module', '-e', direct])).toBe('function SealpostError\n');
  }
});

test('a clone says to a Node that runs no TypeScript which one it needs', () => {
  const url = pathToFileURL(join(root, 'bin', 'client.js')).href;
  const program = `await import(${JSON.stringify(url)}).catch(({ message }) => console.log(message))`;
  // As Node was before 22.18.
  const argv = ['--no-experimental-strip-types', '--input-type=module', '-e', program];
  expect(run(argv)).toBe(
    'In a clone of the repository sealpost/client needs Node 24 or newer, which runs TypeScript; ' +
      `this is Node ${process.versions.node}. "npx node PROGRAM" runs the Node 24 that "npm ci" installed.\n`,
  );
});

test('its types are those of its sources (npm run client-types)', () => {
  const written = readFileSync(clientTypesPath, 'utf8');
  expect(written).toBe(clientTypes(join(installed, 'dist', 'client')));
});

/** A clone has the sources and no dist; a package has dist and no sources. */
test.each([
  ['a package', installed],
  ['a clone', root],
])('the types of %s serve a page and a program alike', (_what, target) => {
  const source = `${imports}
import type { Message } from 'sealpost/client';
const client = connect('http://127.0.0.1:8085', { WebSocket, signal: AbortSignal.timeout(5) });
export const id: string = await client.publish('t', { data: 'x', attributes: { a: 'b' } });
export const ids: string[] = await client.publish('t', [{ data: new Uint8Array(1) }]);
for await (const message of client.subscribe('s')) {
  const same: Message = message;
  const result: 'done' | 'expired' | 'invalid' | 'unordered' | 'failed' = await same.ack();
}
// @ts-expect-error: an attribute is a string
await client.publish('t', { attributes: { a: 1 } });
`;
  const user = join(folder.path, target === root ? 'of-clone' : 'of-package');
  mkdirSync(join(user, 'node_modules'), { recursive: true });
  symlinkSync(target, join(user, 'node_modules', 'sealpost'));
  writeFileSync(join(user, 'package.json'), '{"type": "module"}');
  writeFileSync(join(user, 'use.ts'), `${source}\nexport type R = SealpostError;\n`);
  const options = ['--strict', '--noEmit', '--target', 'es2024'];
  const lib = ['--lib', 'es2024,dom,esnext.disposable', '--types', ''];
  for (const modules of [
    ['--module', 'nodenext'],
    ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ]) {
    expect(run([tsc, ...options, ...modules, ...lib, join(user, 'use.ts')])).toBe('');
  }
});
