import { open } from 'node:fs/promises';
import { RpcError } from '../../rpc/index.ts';
import { layerIndexMacBytes } from '../../envelope/layers/index.ts';
import {
  defaultLayerLimits,
  type LayerEntry,
  type LayerEntryType,
  LayerRefusal,
} from './layer-entry.ts';

/** What an index says of its layer, beside the entries. */
export interface LayerIndexHead {
  readonly diffId: string;
  readonly tarBytes: number;
  readonly chunkCount: number;
}

export interface LayerIndex extends LayerIndexHead {
  readonly entries: readonly LayerEntry[];
}

const format = 'sealpost layer index';
const version = 1;
const newline = 0x0a;
/** The first line and the MAC, beside the entries. */
const overheadBytesMax = 4_096;
const blockBytes = 65_536;

const codes: Readonly<Record<LayerEntryType, string>> = {
  file: 'f',
  hardlink: 'h',
  symlink: 'l',
  directory: 'd',
  character: 'c',
  block: 'b',
  fifo: 'p',
  whiteout: 'w',
  opaque: 'o',
};
const types: ReadonlyMap<unknown, LayerEntryType> = new Map(
  Object.entries(codes).map(([type, code]) => [code, type as LayerEntryType]),
);

/** Gathers the entries of a layer as the lines of its index file (docs/layer-format.md). */
export class LayerIndexWriter {
  readonly #bytesMax: number;
  readonly #blocks: Buffer[] = [];
  #lines: string[] = [];
  #lineChars = 0;
  #bytes = 0;
  #count = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  add(entry: LayerEntry): void {
    const { path, mode, uid, gid, size, mtime, linkname, offset, xattrs } = entry;
    const fields = [codes[entry.type], path, mode, uid, gid, size, mtime, linkname, offset];
    const line = `${JSON.stringify([...fields, ...xattrs])}\n`;
    this.#lines.push(line);
    this.#lineChars += line.length;
    this.#count++;
    if (this.#lineChars >= blockBytes) this.#flush();
  }

  /** All of the file before its MAC. */
  finish(head: LayerIndexHead): Uint8Array[] {
    this.#flush();
    const { diffId, tarBytes, chunkCount } = head;
    const first = { format, version, diffId, tarBytes, chunkCount, entries: this.#count };
    return [Buffer.from(`${JSON.stringify(first)}\n`), ...this.#blocks];
  }

  #flush(): void {
    const block = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#lineChars = 0;
    this.#bytes += block.length;
    this.#blocks.push(block);
    if (this.#bytes > this.#bytesMax) throw new LayerRefusal('its names are too many to keep');
  }
}

/** An index file's two parts. Nothing of `signed` may be believed before the MAC was checked. */
export interface LayerIndexFile {
  readonly signed: Uint8Array;
  readonly mac: Uint8Array;
}

/** @throws RpcError DATA_LOSS LAYER_TAMPERED for a file that no index can be */
export async function readLayerIndexFile(path: string): Promise<LayerIndexFile> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const bytesMax = defaultLayerLimits.indexBytesMax + overheadBytesMax;
    if (size < layerIndexMacBytes || size > bytesMax) throw indexTampered('its size cannot be');
    const bytes = await file.readFile();
    if (bytes.length !== size) throw indexTampered('it was changed while it was read');
    const signed = bytes.subarray(0, size - layerIndexMacBytes);
    return { signed, mac: bytes.subarray(size - layerIndexMacBytes) };
  } finally {
    await file.close();
  }
}

/**
 * What an index file says, without a key and so without any proof: for lists, never for a start.
 *
 * @throws RpcError DATA_LOSS LAYER_TAMPERED for a file that no index can be
 */
export async function readLayerIndex(path: string): Promise<LayerIndex> {
  return decodeLayerIndex((await readLayerIndexFile(path)).signed);
}

/** @throws RpcError DATA_LOSS LAYER_TAMPERED unless these are the lines that a writer made */
export function decodeLayerIndex(signed: Uint8Array): LayerIndex {
  const end = signed.indexOf(newline);
  if (end < 0 || signed.at(-1) !== newline) throw indexTampered('it is cut');
  const { entries: count, ...head } = headOf(parsed(text(signed.subarray(0, end))));
  const lines = text(signed.subarray(end + 1, signed.length - 1)).replaceAll('\n', ',');
  const rows = parsed(`[${lines}]`);
  if (!Array.isArray(rows) || rows.length !== count) throw indexTampered('it lacks entries');
  return { ...head, entries: rows.map(entryOf) };
}

export function indexTampered(problem: string): RpcError {
  const sentence = `A stored image layer was changed: its index is not as it was written: ${problem}.`;
  return new RpcError('DATA_LOSS', 'LAYER_TAMPERED', sentence);
}

function headOf(value: unknown): LayerIndexHead & { readonly entries: number } {
  const head = value as Record<string, unknown> | null;
  if (typeof head !== 'object' || head?.['format'] !== format || head['version'] !== version) {
    throw indexTampered('it is of no known format');
  }
  const { diffId, tarBytes, chunkCount, entries } = head;
  if (typeof diffId !== 'string') throw indexTampered('it names no layer');
  return {
    diffId,
    tarBytes: numberOf(tarBytes),
    chunkCount: numberOf(chunkCount),
    entries: numberOf(entries),
  };
}

function entryOf(row: unknown): LayerEntry {
  if (!Array.isArray(row)) throw indexTampered('an entry is none');
  const [code, path, mode, uid, gid, size, mtime, linkname, offset, ...xattrs] = row as unknown[];
  const type = types.get(code);
  if (type === undefined) throw indexTampered('an entry is of no known type');
  if (typeof mtime !== 'number') throw indexTampered('an entry has no time');
  return {
    type,
    path: stringOf(path),
    mode: numberOf(mode),
    uid: numberOf(uid),
    gid: numberOf(gid),
    size: numberOf(size),
    mtime,
    linkname: stringOf(linkname),
    offset: numberOf(offset),
    xattrs: xattrs.map(stringOf),
  };
}

function numberOf(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw indexTampered('a number is none');
}

function stringOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw indexTampered('a text is none');
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    throw indexTampered('it is no JSON');
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
