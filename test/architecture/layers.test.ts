import { describe, expect, test } from 'vitest';
import { isDoor, layers, packageOf, packageOwners, roots, violation } from './layers.ts';
import {
  folderOf,
  importsOf,
  isTest,
  resolveImport,
  textOf,
  typescriptFiles,
  type Import,
} from './sources.ts';

const files = typescriptFiles().filter((file) => file.startsWith('src/') && !isTest(file));
const manifest = JSON.parse(textOf('package.json')) as {
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
};
const dependencies = { ...manifest.dependencies, ...manifest.optionalDependencies };

function complaint(file: string, { request, isTypeOnly, line }: Import): string | null {
  const folder = folderOf(file) ?? '';
  const where = `${file}:${line} imports ${request}:`;
  if (request === null) return `${file}:${line} computes what it imports`;
  if (request.startsWith('node:')) return null;
  if (!request.startsWith('.')) {
    const owners = packageOwners[packageOf(request)] ?? [];
    const dependency = packageOf(request) in dependencies;
    if (owners.includes(folder) && dependency) return null;
    return `${where} the package belongs to ${owners.join(', ') || 'nobody'}`;
  }
  const target = resolveImport(file, request);
  const rule = violation(folder, {
    folder: folderOf(target),
    isDoor: isDoor(target),
    isTypeOnly,
  });
  return rule === null ? null : `${where} ${rule}`;
}

describe('each file imports only what its layer may', () => {
  test.each(files)('%s', (file) => {
    const complaints = importsOf(file).map((each) => complaint(file, each));
    expect(complaints.filter((each) => each !== null)).toEqual([]);
  });
});

test('every folder of src is in the table', () => {
  const folders = new Set(files.map((file) => folderOf(file)));
  for (const root of roots) folders.delete(root);
  expect([...folders].filter((folder) => layers[folder ?? ''] === undefined)).toEqual([]);
});

test('the table has no cycle', () => {
  const done = new Set<string>();
  const visitLayer = (folder: string, path: readonly string[]): void => {
    expect(path, `cycle: ${[...path, folder].join(' -> ')}`).not.toContain(folder);
    if (done.has(folder)) return;
    for (const entry of layers[folder] ?? []) {
      visitLayer(entry.replace('type ', ''), [...path, folder]);
    }
    done.add(folder);
  };
  for (const folder of Object.keys(layers)) visitLayer(folder, []);
});

const door = { isDoor: true, isTypeOnly: false };

test.each([
  ['src/kms/index.ts', true],
  ['src/envelope/layers/index.ts', true],
  ['src/kms/keys/index.ts', false],
  ['src/crypto/stream/stream-sealer.ts', false],
])('whether %s is a door: %s', (file, expected) => {
  expect(isDoor(file)).toBe(expected);
});

test.each([
  ['rpc', { ...door, folder: 'runtime' }, 'rpc may import only nothing'],
  ['broker', { ...door, folder: 'crypto' }, /^broker may import only envelope/],
  ['envelope', { ...door, folder: 'storage' }, /^envelope may import only/],
  ['kms', { ...door, folder: 'crypto', isDoor: false }, /only the door/],
  ['server.ts', { ...door, folder: 'broker', isDoor: false }, /only the door/],
  ['api', { ...door, folder: 'server.ts' }, 'only main.ts imports the composition root'],
  ['broker', { ...door, folder: null }, 'code of src imports only src'],
  ['cluster', { ...door, folder: 'rpc' }, 'cluster is not in the table of layers'],
])('a planted import from %s of %j is caught', (from, to, rule) => {
  const found = violation(from, to);
  if (typeof rule === 'string') expect(found).toBe(rule);
  else expect(found).toMatch(rule);
});

test.each([
  ['envelope', { ...door, folder: 'storage', isTypeOnly: true }],
  ['kms', { ...door, folder: 'kms', isDoor: false }],
  ['server.ts', { ...door, folder: 'crypto' }],
])('an allowed import from %s of %j is not', (from, to) => {
  expect(violation(from, to)).toBeNull();
});
