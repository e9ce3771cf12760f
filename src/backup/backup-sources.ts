import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DataSource,
  type KeySource,
  openStoppedData,
  openStoppedKeys,
} from '../storage/index.ts';
import { type DataEnvironment, dataEnvironments, keysFolder } from './layout.ts';

/** The root key that the stored keys are wrapped by, by its id. */
export interface RootKeyIds {
  readonly id: string;
  /** The one before, while what it wrapped is still wrapped anew. */
  readonly previousId: string | null;
}

/** What this process has open of a data directory; the rest of it is opened for the backup. */
export interface OpenSources {
  keys: KeySource | null;
  readonly data: Map<DataEnvironment, DataSource>;
}

export function noOpenSources(): OpenSources {
  return { keys: null, data: new Map() };
}

/** Everything that a data directory has, open or not. The caller holds the directory's lock. */
export class BackupSources {
  readonly #dataDir: string;
  readonly #open: OpenSources;
  readonly #opened: { close(): Promise<void> }[] = [];

  constructor(dataDir: string, open: OpenSources) {
    this.#dataDir = dataDir;
    this.#open = open;
  }

  /** Null if there is no such environment. */
  data(name: DataEnvironment): DataSource | null {
    const folder = join(this.#dataDir, dataEnvironments[name]);
    return this.#open.data.get(name) ?? this.#kept(openStoppedData(folder));
  }

  keys(): KeySource | null {
    return this.#open.keys ?? this.#kept(openStoppedKeys(join(this.#dataDir, keysFolder)));
  }

  /** Rough bytes of all environments, to be asked of the disk before anything is written. */
  bytesOnDisk(): number {
    const files = [...Object.keys(dataEnvironments), keysFolder]
      .map((name) => join(this.#dataDir, name, 'data.mdb'))
      .filter((file) => existsSync(file));
    return files.reduce((sum, file) => sum + statSync(file).size, 0);
  }

  async close(): Promise<void> {
    for (const source of this.#opened.splice(0)) await source.close();
  }

  #kept<S extends { close(): Promise<void> }>(source: S | null): S | null {
    if (source !== null) this.#opened.push(source);
    return source;
  }
}
