import { mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatTimestamp, RpcError } from '../rpc/index.ts';
import type { Clock } from '../runtime/index.ts';
import {
  copyFile,
  type CopiedFile,
  type DataSnapshot,
  hashFile,
  syncPath,
} from '../storage/index.ts';
import { BackupSources, type OpenSources, type RootKeyIds } from './backup-sources.ts';
import { requireRoom, requireRoomLeft } from './disk-room.ts';
import { afterKeys, beforeKeys, type DataEnvironment, keysFolder } from './layout.ts';
import { type BackedUpFile, writeManifest } from './manifest.ts';
import { ObjectLinks } from './object-links.ts';
import {
  openTarget,
  type Surroundings,
  type TargetDirectory,
  targetPath,
} from './target-directory.ts';

export interface BackupParts extends Surroundings {
  readonly open: OpenSources;
  /** Null: the root key's file is away. */
  readonly rootKey: () => RootKeyIds | null;
  readonly clock: Clock;
  /** Of Sealpost. */
  readonly version: string;
}

/** How far it is; bytes are those of the files that are written. */
export interface BackupProgress {
  bytes: number;
  totalBytes: number;
}

const bytesBetweenLooks = 16 * 1024 * 1024;

/** One backup, from its checks to its manifest. */
export class BackupRun {
  readonly directory: string;
  readonly progress: BackupProgress = { bytes: 0, totalBytes: 0 };
  readonly #parts: BackupParts;
  readonly #sources: BackupSources;
  readonly #links: ObjectLinks;
  readonly #signal: AbortSignal;
  readonly #files: BackedUpFile[] = [];
  #target: TargetDirectory | null = null;
  #lookAt = bytesBetweenLooks;

  /** Throws RpcError if the directory cannot be that of a backup, or the disk has no room. */
  constructor(directory: string, parts: BackupParts, signal: AbortSignal) {
    this.directory = targetPath(directory, parts);
    this.#parts = parts;
    this.#sources = new BackupSources(parts.dataDir, parts.open);
    this.#links = new ObjectLinks(parts.dataDir);
    this.#signal = signal;
    this.progress.totalBytes = this.#sources.bytesOnDisk();
    requireRoom(this.directory, dirname(this.directory), this.progress.totalBytes);
  }

  /** Makes the unfinished directory: refused if another backup is at it. */
  async open(): Promise<void> {
    this.#target = await openTarget(this.directory);
  }

  /** All or nothing: whatever fails, nothing is left of it. */
  async perform(): Promise<void> {
    const target = this.#target!;
    try {
      await this.#copyAll(target.path);
      target.finish();
    } catch (error) {
      target.abandon();
      throw error;
    } finally {
      await this.#links.remove();
      await this.#sources.close();
    }
  }

  async #copyAll(path: string): Promise<void> {
    const startTime = formatTimestamp(this.#parts.clock.wallMs());
    const snapshots = new Map<DataEnvironment, DataSnapshot>();
    try {
      const rootKeyId = await this.#takeAll(path, snapshots);
      for (const [name, snapshot] of snapshots) await this.#copyData(path, name, snapshot);
      await this.#copyObjects(path);
      const endTime = formatTimestamp(this.#parts.clock.wallMs());
      const { version } = this.#parts;
      const files = this.#files;
      writeManifest(path, { format: 1, version, startTime, endTime, rootKeyId, files });
    } finally {
      for (const snapshot of snapshots.values()) snapshot.release();
    }
  }

  /** Fixes the moment: data, then keys, which stand still meanwhile, then the audit log. */
  async #takeAll(
    path: string,
    snapshots: Map<DataEnvironment, DataSnapshot>,
  ): Promise<string | null> {
    await this.#links.remove();
    await this.#links.gather();
    const before = this.#requireOneRootKey();
    const take = async (names: readonly DataEnvironment[]): Promise<void> => {
      for (const name of names) {
        const snapshot = await this.#sources.data(name)?.snapshot();
        if (snapshot !== undefined) snapshots.set(name, snapshot);
      }
    };
    const keys = this.#sources.keys();
    if (keys === null) throw nothingThere(this.#parts.dataDir);
    await keys.copyTo(join(path, keysFolder), () => take(beforeKeys));
    await take(afterKeys);
    await this.#links.gather();
    if (this.#requireOneRootKey() !== before) throw rootKeyChanges();
    const keysFile = `${keysFolder}/data.mdb`;
    this.#expect([statSync(join(path, keysFile)).size, ...sizesOf([...snapshots.values()])]);
    await this.#keep(path, keysFile, hashFile);
    return before;
  }

  #expect(sizes: readonly number[]): void {
    const all = [...sizes, ...sizesOf(this.#links.all)];
    this.progress.totalBytes = all.reduce((sum, bytes) => sum + bytes, 0);
    requireRoom(this.directory, dirname(this.directory), this.progress.totalBytes);
  }

  /** While keys are wrapped anew some need the key before, which is removed when all are. */
  #requireOneRootKey(): string | null {
    const ids = this.#parts.rootKey();
    if (ids !== null && ids.previousId !== null) throw rootKeyChanges();
    return ids?.id ?? null;
  }

  async #copyData(path: string, name: DataEnvironment, snapshot: DataSnapshot): Promise<void> {
    await this.#keep(path, `${name}/data.mdb`, (to, count) => snapshot.copyTo(to, count));
    // From here on the store may use again what it frees.
    snapshot.release();
  }

  async #copyObjects(path: string): Promise<void> {
    for (const { path: file, linkPath } of this.#links.all) {
      await this.#keep(path, file, (to, count) => copyFile(linkPath, to, count));
    }
  }

  async #keep(
    path: string,
    file: string,
    write: (to: string, count: (bytes: number) => void) => Promise<CopiedFile>,
  ): Promise<void> {
    const to = join(path, file);
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    const { bytes, sha256 } = await write(to, (some) => this.#count(some));
    for (let folder = dirname(to); folder.length >= path.length; folder = dirname(folder)) {
      syncPath(folder);
    }
    this.#files.push({ path: file, bytes, sha256 });
  }

  #count(bytes: number): void {
    this.#signal.throwIfAborted();
    this.progress.bytes += bytes;
    if (this.progress.bytes < this.#lookAt) return;
    this.#lookAt = this.progress.bytes + bytesBetweenLooks;
    requireRoomLeft(this.#target!.path, this.progress.totalBytes - this.progress.bytes);
  }
}

const sizesOf = (files: readonly { readonly bytes: number }[]): number[] =>
  files.map(({ bytes }) => bytes);

function rootKeyChanges(): RpcError {
  const text = 'The root key is being replaced: make the backup when that is over.';
  return new RpcError('FAILED_PRECONDITION', 'BACKUP_ROOT_KEY', text);
}

function nothingThere(dataDir: string): RpcError {
  const text = `There is nothing to back up in ${dataDir}.`;
  return new RpcError('NOT_FOUND', 'BACKUP_NOTHING', text);
}
