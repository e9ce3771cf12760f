import type { FileHandle } from 'node:fs/promises';

/** Where the bytes of a member are in its tar. */
export interface TarPlace {
  readonly offset: number;
  readonly size: number;
}

const blockBytes = 512;
const membersMax = 100_000;
const extensionBytesMax = 64 * 1024;

/** What an extended header says of the member after it. */
interface Extension {
  readonly path?: string;
  readonly size?: number;
}

interface Header {
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

/**
 * The regular files of a tar (ustar, pax, GNU), without reading what is in them. Throws Error, with
 * a text that completes a sentence, for what is no tar, is cut, or is compressed.
 */
export async function indexTar(file: FileHandle): Promise<ReadonlyMap<string, TarPlace>> {
  const { size: end } = await file.stat();
  const places = new Map<string, TarPlace>();
  let extension: Extension = {};
  let offset = 0;
  for (let members = 0; offset + blockBytes <= end; members++) {
    const block = await readAt(file, offset, blockBytes);
    if (block.every((byte) => byte === 0)) return places;
    if (members === membersMax) throw new Error(`its archive has more than ${membersMax} members`);
    const header = readHeader(block);
    const size = extension.size ?? header.size;
    const data = offset + blockBytes;
    if (data + size > end) throw new Error('its archive is cut short');
    if (isExtension(header.type)) {
      extension = { ...extension, ...(await readExtension(file, header, data)) };
    } else {
      const name = normal(extension.path ?? header.name);
      if (header.type === '0' || header.type === '\0') places.set(name, { offset: data, size });
      extension = {};
    }
    offset = data + Math.ceil(size / blockBytes) * blockBytes;
  }
  if (places.size === 0) throw new Error('its archive is empty, or no tar');
  return places;
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new Error('its archive is cut short');
    done += bytesRead;
  }
  return bytes;
}

function readHeader(block: Buffer): Header {
  if (block[0] === 0x1f && block[1] === 0x8b) {
    throw new Error('its archive is compressed; a plain tar is needed');
  }
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (octal(block, 148, 8) !== sum) throw new Error('its archive is no tar');
  const name = text(block, 0, 100);
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? text(block, 345, 155) : '';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    size: sizeIn(block),
    type: block.toString('latin1', 156, 157),
  };
}

function sizeIn(block: Buffer): number {
  // GNU writes what octal digits have no room for in binary, marked by the first bit.
  const isBinary = (block[124] ?? 0) === 0x80;
  const size = isBinary ? Number(block.readBigUInt64BE(128)) : octal(block, 124, 12);
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw new Error('its archive has a member of no size');
}

function octal(block: Buffer, start: number, length: number): number {
  const digits = text(block, start, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function text(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const zero = field.indexOf(0);
  return field.toString('utf8', 0, zero < 0 ? length : zero);
}

/** pax for the next member, pax for all, GNU's long name and long link. */
function isExtension(type: string): boolean {
  return 'xgLK'.includes(type);
}

async function readExtension(file: FileHandle, header: Header, data: number): Promise<Extension> {
  if (header.type === 'g' || header.type === 'K') return {};
  if (header.size > extensionBytesMax) throw new Error('its archive has a giant extended header');
  const bytes = await readAt(file, data, header.size);
  if (header.type === 'L') return { path: text(bytes, 0, bytes.length) };
  return readPax(bytes);
}

/** Records of the form `LENGTH NAME=VALUE\n`, the length of all of it. */
function readPax(bytes: Buffer): Extension {
  let extension: Extension = {};
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(bytes.toString('latin1', at, space));
    if (!Number.isSafeInteger(length) || length < 5 || at + length > bytes.length) {
      throw new Error('its archive has an extended header that cannot be read');
    }
    const record = bytes.toString('utf8', space + 1, at + length - 1);
    const [name = '', value = ''] = record.split(/=(.*)/s);
    if (name === 'path') extension = { ...extension, path: value };
    if (name === 'size') extension = { ...extension, size: paxSize(value) };
    at += length;
  }
  return extension;
}

function paxSize(value: string): number {
  if (/^[0-9]{1,15}$/.test(value)) return Number(value);
  throw new Error('its archive has a member of no size');
}

/** `./blobs/…` is what `tar -C folder .` writes. */
function normal(name: string): string {
  return name.replace(/^(?:\.\/+)+/, '');
}
