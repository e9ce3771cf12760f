/** What an entry of a layer is. Whiteouts are what their names say, not what the tar calls them. */
export type LayerEntryType =
  | 'file'
  | 'hardlink'
  | 'symlink'
  | 'directory'
  | 'character'
  | 'block'
  | 'fifo'
  | 'whiteout'
  | 'opaque';

/** One entry of a layer's tar, in the order of the tar. */
export interface LayerEntry {
  readonly type: LayerEntryType;
  /**
   * Relative to the root, without `.`, `..`, a slash before or after; empty: the root itself. Of a
   * whiteout it is what goes, of an opaque mark the directory whose lower content goes.
   */
  readonly path: string;
  /** The twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file; 0 of everything else. */
  readonly size: number;
  /** Seconds since the Unix epoch, with a fraction. */
  readonly mtime: number;
  /** Of a symlink as it is; of a hard link a path like `path`; else empty. */
  readonly linkname: string;
  /** Names only: they are shown, not set. */
  readonly xattrs: readonly string[];
  /** Of the first byte of a file's content in the tar. */
  readonly offset: number;
}

/** What is taken of one layer, whatever its manifest says. */
export interface LayerLimits {
  readonly entriesMax: number;
  /** Bytes of a path or a link's target. */
  readonly pathBytesMax: number;
  /** Bytes of a tar. */
  readonly tarBytesMax: number;
  /** A tar beyond `ratioFreeBytes` may be at most so many times its compressed size. */
  readonly ratioMax: number;
  readonly ratioFreeBytes: number;
  /** Bytes of all entries in the index. */
  readonly indexBytesMax: number;
}

const mebibyte = 1_048_576;

export const defaultLayerLimits: LayerLimits = {
  entriesMax: 1_000_000,
  pathBytesMax: 4_096,
  tarBytesMax: 32 * 1024 * mebibyte,
  ratioMax: 1_000,
  ratioFreeBytes: 64 * mebibyte,
  indexBytesMax: 256 * mebibyte,
};

/** Why a layer is not taken: the entry, if it is one, and the rule that it breaks. */
export class LayerRefusal extends Error {
  override name = 'LayerRefusal';

  constructor(rule: string, entry: string | null = null) {
    super(entry === null ? rule : `entry ${shown(entry)}: ${rule}`);
  }
}

/** A name of the image's maker, harmless in a log and on a terminal. */
function shown(entry: string): string {
  const text = JSON.stringify(entry.length > 200 ? `${entry.slice(0, 200)}…` : entry);
  return text.replaceAll(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '?');
}
