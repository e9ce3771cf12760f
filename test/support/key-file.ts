import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { noFailpoints, silentLogger, SystemClock } from '../../src/runtime/index.ts';
import { openLmdbKeyStore } from '../../src/storage/index.ts';

/** The file of a stopped server's keys, whose bytes a test changes as a disk or a thief would. */
export class KeyFile {
  readonly #dataDir: string;
  #whole: Buffer = Buffer.alloc(0);
  #rows: ReadonlyMap<string, Uint8Array> = new Map();

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** Takes what is stored now for what `restore` brings back. Rewritten, so that each row is there once. */
  async remember(): Promise<void> {
    const ports = { clock: new SystemClock(), log: silentLogger, failpoints: noFailpoints };
    const path = join(this.#dataDir, 'keys');
    const before = await openLmdbKeyStore({ ...ports, path });
    await before.compact();
    await before.close();
    const store = await openLmdbKeyStore({ ...ports, path });
    const rows = await store.list('');
    this.#rows = new Map(rows.map(({ key, value }) => [key, Uint8Array.from(value)]));
    await store.close();
    this.#whole = readFileSync(this.#path);
  }

  /** Keys of rows that begin so. */
  keys(prefix: string): string[] {
    return [...this.#rows.keys()].filter((key) => key.startsWith(prefix));
  }

  sizeOf(key: string): number {
    return this.#rows.get(key)!.length;
  }

  /** Turns one bit of a row's value over, in the file. */
  flip(key: string, bit: number): void {
    const bytes = Buffer.from(this.#whole);
    const at = this.#placeOf(key) + (bit >> 3);
    bytes[at]! ^= 1 << (bit & 7);
    writeFileSync(this.#path, bytes);
  }

  /** The values of two rows of one length, each in the other's place. */
  swap(a: string, b: string): void {
    if (this.sizeOf(a) !== this.sizeOf(b)) throw new Error(`${a} and ${b} are of two lengths`);
    const bytes = Buffer.from(this.#whole);
    const [atA, atB] = [this.#placeOf(a), this.#placeOf(b)];
    bytes.set(this.#rows.get(b)!, atA);
    bytes.set(this.#rows.get(a)!, atB);
    writeFileSync(this.#path, bytes);
  }

  restore(): void {
    writeFileSync(this.#path, this.#whole);
  }

  get #path(): string {
    return join(this.#dataDir, 'keys', 'data.mdb');
  }

  #placeOf(key: string): number {
    const value = this.#rows.get(key)!;
    const at = this.#whole.indexOf(value);
    const isOnce = at >= 0 && this.#whole.indexOf(value, at + 1) < 0;
    if (!isOnce) throw new Error(`${key} is not in the file once`);
    return at;
  }
}
