import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { assert } from '../../runtime/index.ts';
import { copyOpenFile, type AfterPiece, type CopiedFile } from '../copied-file.ts';
import { StorageError } from '../storage-error.ts';
import { newestMeta } from './data-file-check.ts';
import type { LmdbEnvironment, PinnedPages } from './lmdb-environment.ts';

/** One environment as it was at one moment, to be copied while the store goes on. */
export interface DataSnapshot {
  /** Of the file that `copyTo` writes. */
  readonly bytes: number;
  /**
   * Writes the file, 0600 and synced. Its free pages are copied as they are: sealed bytes that were
   * trimmed. Throws a StorageError if the store had to open its files again meanwhile.
   */
  copyTo(path: string, afterPiece: AfterPiece): Promise<CopiedFile>;
  /** Until then the store uses no page again that it frees. */
  release(): void;
}

/** What a store offers to a backup. */
export interface DataSource {
  snapshot(): Promise<DataSnapshot>;
}

/**
 * Pins the newest transaction and keeps the meta pages that name it: LMDB writes a page anew only
 * when no reader needs what it held, so that the rest of the file can be read at leisure. Call it
 * while nothing is on its way to the disk.
 */
export function takeSnapshot(environment: LmdbEnvironment): DataSnapshot {
  const { dataFile } = environment;
  const pin = environment.pin();
  try {
    const { head, bytes } = headOf(dataFile, environment.lastTransaction());
    return {
      bytes,
      copyTo: (path, afterPiece) => copyPinned(pin, { dataFile, head, bytes }, path, afterPiece),
      release: () => pin.release(),
    };
  } catch (error) {
    pin.release();
    throw error;
  }
}

interface PinnedFile {
  readonly dataFile: string;
  /** Both meta pages, which the next transactions overwrite. */
  readonly head: Uint8Array;
  readonly bytes: number;
}

function headOf(dataFile: string, lastTransaction: number): Omit<PinnedFile, 'dataFile'> {
  const file = openSync(dataFile, 'r');
  try {
    const meta = newestMeta(file);
    assert(Number(meta?.transaction) === lastTransaction, 'a transaction was under way');
    const { pageSize, lastPage } = meta!;
    const head = Buffer.alloc(2 * pageSize);
    const headBytes = readSync(file, head, 0, head.length, 0);
    assert(headBytes === head.length, 'an environment begins with two meta pages');
    const wholePages = Math.floor(fstatSync(file).size / pageSize);
    return { head, bytes: Math.min(Number(lastPage) + 1, wholePages) * pageSize };
  } finally {
    closeSync(file);
  }
}

async function copyPinned(
  pin: PinnedPages,
  { dataFile, head, bytes }: PinnedFile,
  path: string,
  afterPiece: AfterPiece,
): Promise<CopiedFile> {
  const source = await open(dataFile, 'r');
  try {
    const copied = await copyOpenFile(source, head, bytes, path, async (some) => {
      requireHeld(pin, dataFile);
      await afterPiece(some);
    });
    requireHeld(pin, dataFile);
    return copied;
  } finally {
    await source.close();
  }
}

function requireHeld(pin: PinnedPages, dataFile: string): void {
  if (pin.isHeld) return;
  const text = `${dataFile} was opened again, after a fault or to be closed: copy it anew`;
  throw new StorageError('io', text);
}
