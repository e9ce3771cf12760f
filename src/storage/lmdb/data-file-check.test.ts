import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkDataFile } from './data-file-check.ts';
import { LmdbEnvironment, type Write } from './lmdb-environment.ts';

let path: string;
let file: string;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'sealpost-damage-'));
  file = join(path, 'data.mdb');
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

const databases = ['a', 'b'];
const put = (number: number, bytes: number): Write => ({
  database: databases[number % 2]!,
  key: new TextEncoder().encode(`key ${number}`),
  value: new Uint8Array(bytes).fill(number),
});
const drop = (number: number): Write => ({ ...put(number, 0), value: null });

/** Commits each list of writes and closes. */
async function write(...transactions: Write[][]): Promise<void> {
  const environment = new LmdbEnvironment({ path, databases });
  for (const writes of transactions) await environment.commit(writes);
  await environment.close();
}

const many = Array.from({ length: 300 }, (_, index) => put(index, index % 3 === 0 ? 9000 : 300));
const open = (): LmdbEnvironment => new LmdbEnvironment({ path, databases });

test('takes no file, an empty file, a new one and a full one', async () => {
  checkDataFile(file);
  writeFileSync(file, '');
  checkDataFile(file);
  await write();
  checkDataFile(file);
  await write(many);
  checkDataFile(file);
});

test.for([1, 4096, 8191, 8192, 12_288, 200_000])(
  'refuses what is cut to %i bytes',
  async (size) => {
    await write(many);
    truncateSync(file, size);
    const before = readFileSync(file);
    expect(open).toThrow(`The file ${file} is damaged: `);
    expect(open).toThrow('as docs/runbook.md says');
    expect(readFileSync(file).equals(before)).toBe(true);
  },
);

test('refuses a file of which one page that is used is cut off', async () => {
  await write([put(1, 9000)]);
  const { size } = statSync(file);
  truncateSync(file, size - 4096);
  expect(open).toThrow(`it is cut off after ${size - 4096} of ${size} bytes`);
});

test.for([
  ['both meta pages', 0, 8192],
  ['the first meta page', 0, 4096],
  ['the second meta page', 4096, 8192],
] as const)('refuses a file with other bytes in %s', async ([, from, to]) => {
  await write(many);
  for (const byte of [0, 0xff, 0x41]) {
    writeFileSync(file, readFileSync(file).fill(byte, from, to));
    expect(open).toThrow(`The file ${file} is damaged: it does not begin as an LMDB file`);
  }
});

test('takes a file that ends before pages which a transaction took and gave back', async () => {
  await write([put(1, 300)], [put(2, 300), put(3, 400_000), drop(3)]);
  const copy = join(path, 'copy');
  copyFileSync(file, copy);
  const last = Number(readFileSync(file).readBigUInt64LE(144));
  const later = Number(readFileSync(file).readBigUInt64LE(4096 + 144));
  expect(statSync(file).size).toBeLessThan((Math.max(last, later) + 1) * 4096);
  checkDataFile(copy);
  await write([put(4, 300)]);
});
