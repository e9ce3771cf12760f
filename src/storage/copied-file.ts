import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** Asked after each piece, so that whoever copies can count, wait, or end it by throwing. */
export type AfterPiece = (bytes: number) => Promise<void> | void;

/** What was written: the bytes of a file and the SHA-256 of them, in hex. */
export interface CopiedFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** Little enough that hashing it holds up nothing, and that it is on the disk in a moment. */
const pieceBytes = 256 * 1024;
const piecesBetweenSyncs = 16;

/**
 * Writes `bytes` of an open file to a new one (0600), the first of them given in `head`, and syncs
 * it. Syncs on the way too: a flood of unwritten pages would hold up the syncs of everybody else.
 */
export async function copyOpenFile(
  source: FileHandle,
  head: Uint8Array,
  bytes: number,
  target: string,
  afterPiece: AfterPiece,
): Promise<CopiedFile> {
  const file = await open(target, 'wx', 0o600);
  try {
    const hash = createHash('sha256');
    const piece = Buffer.alloc(pieceBytes);
    let piecesLeft = piecesBetweenSyncs;
    for (let at = 0; at < bytes;) {
      const length =
        at < head.length ? copyInto(piece, head, at) : await read(source, piece, at, bytes);
      const some = piece.subarray(0, Math.min(length, bytes - at));
      hash.update(some);
      await writeAll(file, some, at);
      at += some.length;
      if (--piecesLeft === 0) {
        await file.datasync();
        piecesLeft = piecesBetweenSyncs;
      }
      await afterPiece(some.length);
    }
    await file.sync();
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

/** Copies a file that nobody writes to; a symbolic link in its place is refused. */
export async function copyFile(
  from: string,
  target: string,
  afterPiece: AfterPiece,
): Promise<CopiedFile> {
  const source = await openRegular(from);
  try {
    const { size } = await source.stat();
    return await copyOpenFile(source, new Uint8Array(0), size, target, afterPiece);
  } finally {
    await source.close();
  }
}

/** Reads a file as `copyFile` does, and writes nothing. */
export async function hashFile(path: string, afterPiece: AfterPiece): Promise<CopiedFile> {
  const source = await openRegular(path);
  try {
    const hash = createHash('sha256');
    const piece = Buffer.alloc(pieceBytes);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await source.read(piece, 0, piece.length, bytes);
      if (bytesRead === 0) break;
      hash.update(piece.subarray(0, bytesRead));
      bytes += bytesRead;
      await afterPiece(bytesRead);
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await source.close();
  }
}

async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Error(`${path} is not a file`);
}

function copyInto(piece: Uint8Array, head: Uint8Array, at: number): number {
  const some = head.subarray(at, at + piece.length);
  piece.set(some);
  return some.length;
}

async function read(
  source: FileHandle,
  piece: Uint8Array,
  at: number,
  end: number,
): Promise<number> {
  const { bytesRead } = await source.read(piece, 0, Math.min(piece.length, end - at), at);
  if (bytesRead === 0) throw new Error(`the file ended after ${at} of ${end} bytes`);
  return bytesRead;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
