import { type LayerEntry, type LayerLimits, LayerRefusal } from './layer-entry.ts';
import { checkGlobalPax, decodePax } from './pax-records.ts';
import { contentOf, entryOf, type Extensions, namedHeader } from './tar-entry.ts';
import { decodeTarHeader, isZeroBlock, tarBlock, type TarHeader, tarText } from './tar-header.ts';

/** Bytes of one extended header: more is no name and no attribute. */
const extensionBytesMax = 1_048_576;

/**
 * Finds the entries of a tar that is pushed through, and looks at nothing else of it. Reads what
 * image builders write: ustar, pax, GNU long names, old tars. Strict where readers differ.
 *
 * Throws LayerRefusal from `push` and `end`; after that it must not be used again.
 */
export class TarReader {
  readonly #limits: LayerLimits;
  readonly #onEntry: (entry: LayerEntry) => void;
  readonly #header: Uint8Array = new Uint8Array(tarBlock);
  #headerFill = 0;
  #position = 0;
  /** Bytes to pass over: content and padding. */
  #skip = 0;
  /** How many of the last of these are padding. */
  #padding = 0;
  /** An extended header that is being gathered, its flag, and how much of it is here. */
  #extension: { readonly flag: string; readonly bytes: Uint8Array; fill: number } | null = null;
  #waiting: Extensions = { records: null, name: null, linkname: null };
  #zeroBlocks = 0;
  #entries = 0;

  constructor(limits: LayerLimits, onEntry: (entry: LayerEntry) => void) {
    this.#limits = limits;
    this.#onEntry = onEntry;
  }

  get entries(): number {
    return this.#entries;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && this.#zeroBlocks < 2) {
      const rest = chunk.length - at;
      const taken = this.#skip > 0 ? Math.min(this.#skip, rest) : this.#gather(chunk, at, rest);
      if (this.#skip > 0) this.#skip -= taken;
      at += taken;
      this.#position += taken;
      this.#finish();
    }
  }

  /**
   * What follows the two zero blocks is padding; without them the tar must end at an entry. Builders
   * that do not close their tars leave the last padding out, and all readers put up with it.
   */
  end(): void {
    const { records, name, linkname } = this.#waiting;
    const hasContent = this.#skip <= this.#padding;
    const isWhole = this.#headerFill === 0 && hasContent && this.#extension === null;
    if (!isWhole) throw new LayerRefusal('the tar ends amid an entry: a size is wrong');
    if (records !== null || name !== null || linkname !== null) {
      throw new LayerRefusal('the tar ends after an extended header');
    }
  }

  /** Copies of the chunk what the header or the extension still lacks. */
  #gather(chunk: Uint8Array, at: number, rest: number): number {
    const extension = this.#extension;
    if (extension !== null) {
      const taken = Math.min(extension.bytes.length - extension.fill, rest);
      extension.bytes.set(chunk.subarray(at, at + taken), extension.fill);
      extension.fill += taken;
      return taken;
    }
    const taken = Math.min(tarBlock - this.#headerFill, rest);
    this.#header.set(chunk.subarray(at, at + taken), this.#headerFill);
    this.#headerFill += taken;
    return taken;
  }

  #finish(): void {
    const extension = this.#extension;
    if (extension !== null) {
      if (extension.fill < extension.bytes.length) return;
      this.#extension = null;
      this.#padding = paddingOf(extension.bytes.length);
      this.#skip = this.#padding;
      this.#extend(extension.flag, extension.bytes);
    } else if (this.#headerFill === tarBlock) {
      this.#headerFill = 0;
      this.#block();
    }
  }

  #block(): void {
    if (isZeroBlock(this.#header)) {
      this.#zeroBlocks++;
      return;
    }
    if (this.#zeroBlocks > 0) throw new LayerRefusal('the tar goes on after a block of zeros');
    const header = decodeTarHeader(this.#header);
    if ('xgLK'.includes(header.flag)) this.#expectExtension(header);
    else this.#entry(header);
  }

  #expectExtension({ flag, size }: TarHeader): void {
    const wait = this.#waiting;
    if (size > extensionBytesMax) throw new LayerRefusal('an extended header is too large');
    const isSecond =
      (flag === 'x' && wait.records !== null) ||
      (flag === 'L' && wait.name !== null) ||
      (flag === 'K' && wait.linkname !== null);
    if (isSecond) throw new LayerRefusal('an entry has two extended headers of one kind');
    if (size > 0) this.#extension = { flag, bytes: new Uint8Array(size), fill: 0 };
    else this.#extend(flag, new Uint8Array());
  }

  #extend(flag: string, bytes: Uint8Array): void {
    if (flag === 'x') this.#waiting.records = decodePax(bytes);
    else if (flag === 'g') checkGlobalPax(decodePax(bytes));
    else if (flag === 'L') this.#waiting.name = longName(bytes);
    else this.#waiting.linkname = longName(bytes);
  }

  #entry(header: TarHeader): void {
    const named = namedHeader(header, this.#waiting);
    this.#waiting = { records: null, name: null, linkname: null };
    if (++this.#entries > this.#limits.entriesMax) {
      const rule = `a layer may have at most ${this.#limits.entriesMax} entries`;
      throw new LayerRefusal(rule, named.name);
    }
    const content = contentOf(named, this.#limits);
    this.#padding = paddingOf(content.size);
    this.#skip = content.size + this.#padding;
    this.#onEntry(entryOf(named, content, this.#position, this.#limits));
  }
}

/** GNU ends its long names with a NUL. */
function longName(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return tarText(end < 0 ? bytes : bytes.subarray(0, end));
}

function paddingOf(size: number): number {
  return (tarBlock - (size % tarBlock)) % tarBlock;
}
