import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { LayerKey } from '../../envelope/index.ts';
import { silentLogger } from '../../runtime/index.ts';
import { openObjectStore, type ObjectStoreOptions } from './file-object-store.ts';
import type { ObjectFiles, ObjectStore } from './object-store.ts';

const a = 'a'.repeat(64);
const b = `ab${'b'.repeat(62)}`;
const hourMs = 3_600_000;

interface Bench extends ObjectStoreOptions {
  readonly clock: VirtualClock;
  readonly store: ObjectStore;
}

async function openBench(): Promise<Bench> {
  const folder = join(mkdtempSync(join(tmpdir(), 'sealpost-objects-')), 'vault');
  onTestFinished(() => rmSync(dirname(folder), { recursive: true, force: true }));
  const clock = new VirtualClock();
  const options = { folder, clock, entropy: new SeededEntropy(3), log: silentLogger };
  return { ...options, store: await openObjectStore(options) };
}

async function staged(store: ObjectStore, name: string, data = 'data'): Promise<ObjectFiles> {
  const files = await store.stage(name);
  await writeFile(files.dataPath, data);
  await writeFile(files.indexPath, `index of ${data}`);
  return files;
}

async function put(store: ObjectStore, name: string, data?: string): Promise<void> {
  await store.publish(await staged(store, name, data));
}

async function namesOf(store: ObjectStore): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list()) names.push(name);
  return names;
}

test('an object is invisible until it is published, and whole from then on', async () => {
  const { store, folder } = await openBench();
  const files = await staged(store, a);
  expect(await store.has(a)).toBe(false);
  expect(await namesOf(store)).toEqual([]);
  await store.publish(files);
  expect(await store.has(a)).toBe(true);
  const { dataPath, indexPath } = store.files(a);
  expect(dataPath).toBe(join(folder, 'objects', 'aa', a));
  expect(indexPath).toBe(`${dataPath}.index`);
  expect(await readFile(dataPath, 'utf8')).toBe('data');
  expect(await readFile(indexPath, 'utf8')).toBe('index of data');
  expect(readdirSync(join(folder, 'staging'))).toEqual([]);
});

test('of two that stage the same object the first stays, with its own index', async () => {
  const { store, folder } = await openBench();
  const both = [await staged(store, a, 'first'), await staged(store, a, 'second')];
  await Promise.all(both.map((files) => store.publish(files)));
  expect(await readFile(store.files(a).dataPath, 'utf8')).toBe('first');
  expect(await readFile(store.files(a).indexPath, 'utf8')).toBe('index of first');
  expect(readdirSync(join(folder, 'staging'))).toEqual([]);
});

test('what is abandoned leaves nothing, whether it was written or not', async () => {
  const { store, folder } = await openBench();
  await store.abandon(await staged(store, a));
  await store.abandon(await store.stage(b));
  expect(readdirSync(join(folder, 'staging'))).toEqual([]);
  expect(await store.bytes()).toBe(0);
});

test('what was staged when the process ended is swept at the next start', async () => {
  const bench = await openBench();
  await put(bench.store, a);
  const left = await staged(bench.store, b);
  const again = await openObjectStore(bench);
  expect(existsSync(left.dataPath)).toBe(false);
  expect(await namesOf(again)).toEqual([a]);
  await put(again, b);
  expect(await namesOf(again)).toEqual([a, b]);
});

test('a file that was not written whole is published by nobody', async () => {
  const { store } = await openBench();
  const files = await store.stage(a);
  await writeFile(files.dataPath, 'data');
  await expect(store.publish(files)).rejects.toThrow('ENOENT');
  expect(await store.has(a)).toBe(false);
});

test('half an object that a crash left is not there, and the next one takes its place', async () => {
  const { store } = await openBench();
  for (const [name, half] of [
    [a, store.files(a).indexPath],
    [b, store.files(b).dataPath],
  ] as const) {
    mkdirSync(dirname(half), { recursive: true });
    writeFileSync(half, 'of another sealing');
    expect(await store.has(name)).toBe(false);
  }
  expect(await namesOf(store)).toEqual([]);
  await put(store, a);
  await put(store, b);
  for (const name of [a, b]) {
    expect(await readFile(store.files(name).dataPath, 'utf8')).toBe('data');
    expect(await readFile(store.files(name).indexPath, 'utf8')).toBe('index of data');
  }
});

test('a collection removes what no image needs once its grace is over', async () => {
  const { store, clock } = await openBench();
  await put(store, a, 'needed');
  await put(store, b, 'not needed');
  expect(await store.collect(new Set([a]), hourMs)).toEqual({ removed: 0, bytes: 0 });
  await clock.advance(hourMs);
  const bytes = 'not needed'.length + 'index of not needed'.length;
  expect(await store.collect(new Set([a]), hourMs)).toEqual({ removed: 1, bytes });
  expect(await namesOf(store)).toEqual([a]);
  expect(existsSync(store.files(b).indexPath)).toBe(false);
  expect(await store.bytes()).toBe('needed'.length + 'index of needed'.length);
});

test('an object that an import counts on outlives the collection that comes then', async () => {
  const { store, clock } = await openBench();
  await put(store, a);
  await clock.advance(hourMs);
  expect(await store.has(a)).toBe(true);
  expect(await store.collect(new Set(), hourMs)).toEqual({ removed: 0, bytes: 0 });
  await clock.advance(hourMs);
  await put(store, a);
  expect(await store.collect(new Set(), hourMs)).toEqual({ removed: 0, bytes: 0 });
  await clock.advance(hourMs);
  expect((await store.collect(new Set(), hourMs)).removed).toBe(1);
});

test('a collection removes halves too, and leaves what is none of ours', async () => {
  const { store, clock, folder } = await openBench();
  await put(store, a);
  rmSync(store.files(a).dataPath);
  const foreign = join(folder, 'objects', 'aa', 'README');
  const misplaced = join(folder, 'objects', 'aa', b);
  for (const path of [foreign, misplaced]) writeFileSync(path, 'not an object');
  await clock.advance(hourMs);
  expect((await store.collect(new Set(), hourMs)).removed).toBe(1);
  expect([foreign, misplaced].map((path) => existsSync(path))).toEqual([true, true]);
  expect(await store.bytes()).toBe(0);
});

const strangeNames = ['', '..', `../${a}`, `${a}/`, a.toUpperCase(), a.slice(1), `${a}0`, `${a}\n`];

test.each(strangeNames)('the name %j becomes no path', async (name) => {
  const { store } = await openBench();
  expect(() => store.files(name)).toThrow('64 hex digits');
  await expect(store.has(name)).rejects.toThrow('64 hex digits');
  await expect(store.stage(name)).rejects.toThrow('64 hex digits');
});

test('only what was staged here is published or abandoned', async () => {
  const { store, folder } = await openBench();
  const files = await staged(store, a);
  const outside = join(dirname(folder), 'precious');
  writeFileSync(outside, 'precious');
  const forged: ObjectFiles[] = [
    { ...files, dataPath: outside },
    { ...files, indexPath: outside },
    { ...files, name: b },
    { ...files, dataPath: `${files.dataPath}/../../../precious` },
    store.files(a),
  ];
  for (const each of forged) {
    await expect(store.publish(each)).rejects.toThrow('only staged files');
    await expect(store.abandon(each)).rejects.toThrow('only staged files');
  }
  expect(await readFile(outside, 'utf8')).toBe('precious');
});

test('a layer has one name under one DEK, and another under another', async () => {
  const { store } = await openBench();
  const keyOf = (byte: number): LayerKey => {
    const bytes = new Uint8Array(32).fill(byte);
    return { id: new Uint8Array(16), bytes, wipe: () => void bytes.fill(0) };
  };
  const diffId = `sha256:${a}`;
  const names = [1, 1, 2].map((byte) => store.nameOf(keyOf(byte), diffId));
  expect(names[0]).toMatch(/^[0-9a-f]{64}$/u);
  expect(names[1]).toBe(names[0]);
  expect(names[2]).not.toBe(names[0]);
});
