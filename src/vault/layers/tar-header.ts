import { LayerRefusal } from './layer-entry.ts';

export const tarBlock = 512;

/** The fields of one 512-byte header, before any extended header is applied. */
export interface TarHeader {
  /** The type flag as a character; `0` for the NUL of old tars. */
  readonly flag: string;
  readonly name: string;
  readonly linkname: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of a tar. Bytes that are not UTF-8 could not be named again: they are refused. */
export function tarText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    const shown = Buffer.from(bytes).toString('latin1');
    throw new LayerRefusal('a name must be UTF-8', shown);
  }
}

/**
 * Reads a ustar, GNU or old header (POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual,
 * "Basic Tar Format").
 *
 * @throws LayerRefusal if the checksum or a number is wrong
 */
export function decodeTarHeader(block: Uint8Array): TarHeader {
  checkSum(block);
  const own = cString(block, 0, 100);
  const prefix = prefixOf(block);
  const name = prefix === '' ? own : `${prefix}/${own}`;
  const number = (at: number, length: number, field: string): number =>
    numberAt(block.subarray(at, at + length), field, name);
  return {
    flag: block[156] === 0 ? '0' : String.fromCharCode(block[156]!),
    name,
    linkname: cString(block, 157, 100),
    mode: number(100, 8, 'mode') & 0o7777,
    uid: natural(number(108, 8, 'uid'), 'uid', name),
    gid: natural(number(116, 8, 'gid'), 'gid', name),
    size: natural(number(124, 12, 'size'), 'size', name),
    mtime: number(136, 12, 'mtime'),
  };
}

export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** A uid, gid or size: at least 0, and exact. */
export function natural(value: number, field: string, entry: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new LayerRefusal(`its ${field} is no number that can be`, entry);
}

/** Only POSIX tars have a prefix: in GNU's the place holds times. The `tar` trailer is star's. */
function prefixOf(block: Uint8Array): string {
  const magic = Buffer.from(block.buffer, block.byteOffset + 257, 8).toString('latin1');
  if (magic !== 'ustar\u000000') return '';
  const isStar = Buffer.from(block.buffer, block.byteOffset + 508, 4).toString('latin1');
  return cString(block, 345, isStar === 'tar\0' ? 131 : 155);
}

function cString(block: Uint8Array, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return tarText(end < 0 ? field : field.subarray(0, end));
}

/** Octal digits between spaces and NULs, or GNU's big-endian binary after a set high bit. */
function numberAt(field: Uint8Array, name: string, entry: string): number {
  if (field[0]! & 0x80) return binaryNumber(field);
  const text = Buffer.from(field)
    .toString('latin1')
    .replaceAll(/^[ \0]+|[ \0]+$/g, '');
  if (text === '') return 0;
  if (/^[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  throw new LayerRefusal(`its ${name} is no octal number`, entry);
}

function binaryNumber(field: Uint8Array): number {
  const isNegative = (field[0]! & 0x40) !== 0;
  let value = isNegative ? -1n : 0n;
  for (const [index, byte] of field.entries()) {
    const bits = index === 0 && !isNegative ? byte & 0x7f : byte;
    value = (value << 8n) | BigInt(bits);
  }
  return Number(value);
}

/** Some old tars summed signed bytes: both sums are right. */
function checkSum(block: Uint8Array): void {
  let unsigned = 8 * 32;
  let signed = 8 * 32;
  for (let at = 0; at < tarBlock; at++) {
    if (at >= 148 && at < 156) continue;
    const byte = block[at]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const said = numberAt(block.subarray(148, 156), 'checksum', '(header)');
  if (said === unsigned || said === signed) return;
  throw new LayerRefusal('a header of the tar has a wrong checksum');
}
