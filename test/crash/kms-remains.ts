import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { noFailpoints, silentLogger, SystemClock } from '../../src/runtime/index.ts';
import { openLmdbKeyStore } from '../../src/storage/index.ts';

const versionPrefix = 'kms/version/';
const doomedPrefix = 'kms/doomed/';
const dekPrefix = 'dek/';

/**
 * What the files of the keys held of material, life after life, and what they must not hold any
 * more. Looks at dead servers only, at a copy, so that the next life finds all as it was.
 */
export class KmsRemains {
  readonly #dataDir: string;
  readonly #scratch: string;
  /** Sealed bytes of each version's material, as they were stored. */
  readonly #material = new Map<string, Map<string, Uint8Array>>();
  readonly #deks = new Map<string, Uint8Array>();

  constructor(dataDir: string, scratch: string) {
    this.#dataDir = dataDir;
    this.#scratch = scratch;
  }

  /**
   * Notes the material that is stored, of versions that `isKept` alone, and names what still lies in
   * the files though it is `erased`, or is a DEK whose row is gone and whose compaction was made.
   */
  async examine(
    isKept: (version: string) => boolean,
    erased: ReadonlySet<string>,
  ): Promise<string[]> {
    const rows = await this.#rows();
    for (const [key, value] of rows) {
      const version = versionOf(key);
      if (version === null) continue;
      if (key.startsWith(doomedPrefix) || isKept(version)) this.#note(version, value);
    }
    const found: string[] = [];
    const files = this.#files();
    const search = (what: string, sought: Uint8Array): void => {
      for (const { path, bytes } of files) {
        if (bytes.includes(Buffer.from(sought))) found.push(`${path} still holds ${what}`);
      }
    };
    for (const version of erased) {
      for (const value of this.#material.get(version)?.values() ?? []) search(version, value);
    }
    this.#examineDeks(rows, search);
    return found;
  }

  /** How many versions and DEKs it could look for: none would be no test. */
  get notedCount(): number {
    return this.#material.size + this.#deks.size;
  }

  #examineDeks(
    rows: ReadonlyMap<string, Uint8Array>,
    search: (what: string, sought: Uint8Array) => void,
  ): void {
    const isWaiting = rows.has('dek-erasure');
    const stored = new Set([...rows.values()].map(textOf));
    for (const [text, value] of this.#deks) {
      if (!isWaiting && !stored.has(text)) search('a DEK that was erased or rewrapped', value);
    }
    for (const [key, value] of rows) {
      if (key.startsWith(dekPrefix)) this.#deks.set(textOf(value), value);
    }
  }

  #note(version: string, value: Uint8Array): void {
    const noted = this.#material.get(version) ?? new Map<string, Uint8Array>();
    this.#material.set(version, noted.set(textOf(value), value));
  }

  async #rows(): Promise<Map<string, Uint8Array>> {
    const from = join(this.#dataDir, 'keys', 'data.mdb');
    const path = join(this.#scratch, 'keys');
    if (!existsSync(from)) return new Map();
    mkdirSync(path, { recursive: true });
    copyFileSync(from, join(path, 'data.mdb'));
    const ports = { clock: new SystemClock(), log: silentLogger, failpoints: noFailpoints };
    const store = await openLmdbKeyStore({ ...ports, path });
    const rows = await store.list('');
    const copies = new Map(rows.map(({ key, value }) => [key, Uint8Array.from(value)]));
    await store.close();
    rmSync(this.#scratch, { recursive: true, force: true });
    return copies;
  }

  /** All but the stores of messages and of the audit log, which hold no key. */
  #files(): { readonly path: string; readonly bytes: Buffer }[] {
    const folders = ['keys', 'keys.compact'].map((name) => join(this.#dataDir, name));
    return [...folders, `${this.#dataDir}-keys`].flatMap(filesOf).map((path) => {
      return { path, bytes: readFileSync(path) };
    });
  }
}

function filesOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

function versionOf(key: string): string | null {
  const prefix = [versionPrefix, doomedPrefix].find((each) => key.startsWith(each));
  if (prefix === undefined) return null;
  const id = key.slice(prefix.length);
  const at = id.lastIndexOf('/');
  return `${id.slice(0, at)}/cryptoKeyVersions/${Number(id.slice(at + 1))}`;
}

function textOf(value: Uint8Array): string {
  return Buffer.from(value).toString('latin1');
}
