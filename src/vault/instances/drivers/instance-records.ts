import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ProcessIdentity } from './process-identity.ts';

/** What must be ended and removed if we are not there to do it. */
export interface InstanceRecord {
  readonly id: string;
  readonly processes: readonly ProcessIdentity[];
  readonly groups: readonly string[];
}

/**
 * A driver's folder: a record and a socket for each instance that runs. It lies in memory beside
 * the trees, so that neither outlives the machine's own start.
 */
export class InstanceRecords {
  readonly #folder: string;
  /** Those of this process, which no sweep may touch. */
  readonly #own = new Set<string>();

  /** @param runtimeFolder see `openInstances` */
  constructor(runtimeFolder: string, driver: string) {
    this.#folder = join(runtimeFolder, driver);
  }

  socketPath(id: string): string {
    return join(this.#folder, `${id}.sock`);
  }

  /** A folder for what only a driver needs. */
  workPath(id: string): string {
    return join(this.#folder, `${id}.work`);
  }

  write(record: InstanceRecord): void {
    this.#own.add(record.id);
    this.make();
    const path = join(this.#folder, `${record.id}.json`);
    writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  remove(id: string): void {
    for (const name of this.#names().filter((each) => idOf(each) === id)) {
      rmSync(join(this.#folder, name), { force: true, recursive: true });
    }
    this.#own.delete(id);
  }

  make(): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    chmodSync(this.#folder, 0o700);
  }

  /** Those that earlier processes left. */
  stale(): InstanceRecord[] {
    const ids = new Set(this.#names().map(idOf));
    const left = [...ids].filter((id) => !this.#own.has(id));
    return left.map((id) => this.#read(`${id}.json`) ?? { id, processes: [], groups: [] });
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder).toSorted();
    } catch {
      return [];
    }
  }

  #read(name: string): InstanceRecord | null {
    try {
      return JSON.parse(readFileSync(join(this.#folder, name), 'utf8')) as InstanceRecord;
    } catch {
      return null;
    }
  }
}

/** Ids hold no dot. */
function idOf(name: string): string {
  return name.split('.')[0]!;
}
