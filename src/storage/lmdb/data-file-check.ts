import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { StorageError } from '../storage-error.ts';
import { reachesBeyond, noPage } from './page-walk.ts';

/** MDB_MAGIC and MDB_DATA_VERSION of the LMDB that the binding is built from. */
const magic = 0xbe_ef_c0_de;
const version = 2;

/** Offsets in a meta page: a header of 24 bytes, then MDB_meta of a 64-bit build. */
const at = {
  magic: 24,
  version: 28,
  pageSize: 48,
  freeRoot: 88,
  root: 136,
  last: 144,
  number: 152,
};
const metaBytes = 168;

/** What the newest meta page says of its file. */
export interface Meta {
  readonly pageSize: number;
  readonly roots: readonly bigint[];
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/**
 * Throws a StorageError if `path` is no file that LMDB can open: LMDB maps it unread, and a page
 * that is not there ends the process by a signal. An absent or empty file is a new environment.
 * Reads the two meta pages alone, unless the file is shorter than they say.
 */
export function checkDataFile(path: string): void {
  const file = openExisting(path);
  if (file === null) return;
  try {
    const fault = faultOf(file);
    if (fault !== null) throw damaged(path, fault);
  } finally {
    closeSync(file);
  }
}

function damaged(path: string, fault: string): StorageError {
  const advice = 'restore the data directory from a backup as docs/runbook.md says';
  return new StorageError('io', `The file ${path} is damaged: ${fault}; ${advice}`);
}

function openExisting(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** What is wrong with the file; null if nothing that these checks see. */
function faultOf(file: number): string | null {
  const { size } = fstatSync(file);
  if (size === 0) return null;
  const newest = newestMeta(file);
  if (newest === null) return 'it does not begin as an LMDB file';
  const { pageSize, roots, lastPage } = newest;
  if (roots.some((root) => root !== noPage && root > lastPage)) return 'its first page is invalid';
  const pages = Math.floor(size / pageSize);
  // Pages that a transaction took and gave back are counted and need not have been written.
  const isWhole = BigInt(pages) > lastPage || !reachesBeyond({ file, pageSize, pages }, roots);
  return isWhole
    ? null
    : `it is cut off after ${size} of ${(lastPage + 1n) * BigInt(pageSize)} bytes`;
}

/** Of the two meta pages the one of the last transaction; null if they are none. */
export function newestMeta(file: number): Meta | null {
  const first = metaAt(file, 0);
  const second = first && metaAt(file, first.pageSize);
  if (!first || second?.pageSize !== first.pageSize) return null;
  return second.transaction > first.transaction ? second : first;
}

function metaAt(file: number, offset: number): Meta | null {
  const page = Buffer.alloc(metaBytes);
  if (readSync(file, page, 0, metaBytes, offset) < metaBytes) return null;
  const isMeta = page.readUInt32LE(at.magic) === magic && page.readUInt16LE(at.version) === version;
  const pageSize = page.readUInt32LE(at.pageSize);
  if (!isMeta || !isPageSize(pageSize)) return null;
  return {
    pageSize,
    roots: [page.readBigUInt64LE(at.freeRoot), page.readBigUInt64LE(at.root)],
    lastPage: page.readBigUInt64LE(at.last),
    transaction: page.readBigUInt64LE(at.number),
  };
}

const isPageSize = (bytes: number): boolean =>
  bytes >= 256 && bytes <= 65_536 && Number.isInteger(Math.log2(bytes));
