import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { PulledStream } from '../pulled-stream.ts';
import { indexTar } from './tar-index.ts';

/** One file of a layout, wherever it is. */
export interface LayoutFile {
  readonly size: number;
  /** Exactly what is there from a byte on; fails with the signal's reason. */
  stream(fromByte: number, signal: AbortSignal): Readable;
  /** All of it: for small files. */
  bytes(signal: AbortSignal): Promise<Uint8Array>;
}

export interface LayoutFiles {
  /** `index.json`, `blobs/sha256/…`; null if there is none. Throws if it cannot be read. */
  find(name: string): Promise<LayoutFile | null>;
}

/** A part of a file on the disk. */
class DiskFile implements LayoutFile {
  readonly size: number;
  readonly #path: string;
  readonly #offset: number;

  constructor(path: string, offset: number, size: number) {
    this.#path = path;
    this.#offset = offset;
    this.size = size;
  }

  stream(fromByte: number, signal: AbortSignal): Readable {
    if (fromByte >= this.size) return Readable.from([]);
    const start = this.#offset + fromByte;
    const end = this.#offset + this.size - 1;
    return new PulledStream(whole(this.#path, { start, end, signal }), () => undefined);
  }

  async bytes(signal: AbortSignal): Promise<Uint8Array> {
    return new Uint8Array(await buffer(this.stream(0, signal)));
  }
}

/** A file that became shorter since it was looked at ends in an error, not early. */
async function* whole(
  path: string,
  { start, end, signal }: { start: number; end: number; signal: AbortSignal },
): AsyncGenerator<Buffer, void> {
  signal.throwIfAborted();
  const stream = createReadStream(path, { flags: 'r', start, end });
  const stop = (): void => void stream.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  let left = end - start + 1;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      left -= chunk.length;
      yield chunk;
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
  if (left > 0) throw new Error(`${path} became shorter while it was read`);
}

/** The files of a folder. Links are not followed: a layout has none. */
export class FolderFiles implements LayoutFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async find(name: string): Promise<LayoutFile | null> {
    const path = join(this.#folder, name);
    const size = await sizeOf(path, constants.O_NOFOLLOW);
    return size === null ? null : new DiskFile(path, 0, size);
  }
}

/** The files of a tar, found by its headers; the tar is read in place. */
export class ArchiveFiles implements LayoutFiles {
  readonly #path: string;
  #index: Promise<ReadonlyMap<string, { offset: number; size: number }>> | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  async find(name: string): Promise<LayoutFile | null> {
    if ((await sizeOf(this.#path, 0)) === null) return null;
    const place = (await (this.#index ??= this.#scan())).get(name);
    return place === undefined ? null : new DiskFile(this.#path, place.offset, place.size);
  }

  async #scan(): Promise<ReadonlyMap<string, { offset: number; size: number }>> {
    const handle = await open(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return await indexTar(handle);
    } finally {
      await handle.close();
    }
  }
}

/** Null if nothing is there. Opening must not wait for the other end of a pipe. */
async function sizeOf(path: string, flags: number): Promise<number | null> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new Error(`a file of it cannot be opened (${code})`, { cause: error });
  }
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new Error('a file of it is no regular file');
    return found.size;
  } finally {
    await handle.close();
  }
}
