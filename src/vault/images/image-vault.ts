import type { LayerKey, LayerKeyPlace } from '../../envelope/index.ts';
import type { ImageConfig } from '../registry/image-source.ts';

/** Whose an image is: dedupe, keys and their end are per service and key. */
export type ImageOwner = LayerKeyPlace;

export interface ImageLayer {
  /** `sha256:…` of the uncompressed tar. */
  readonly diffId: string;
  /** Name in the object store. */
  readonly object: string;
  /** Of the tar, bytes. */
  readonly size: number;
  readonly entries: number;
}

/** An image in the vault, without anything that is sealed. */
export interface StoredImage {
  readonly owner: ImageOwner;
  readonly reference: string;
  /** The manifest's: images are named by (owner, digest). */
  readonly digest: string;
  readonly keyId: string;
  readonly layers: readonly ImageLayer[];
  readonly importedMs: number;
  /** Bytes that a start will write to memory. */
  readonly unpackedBytes: number;
}

export type ImportProgress =
  | { readonly kind: 'resolved'; readonly digest: string; readonly layers: number }
  | {
      readonly kind: 'layer';
      readonly index: number;
      readonly of: number;
      readonly state: 'present' | 'started' | 'stored';
    }
  | {
      readonly kind: 'bytes';
      readonly index: number;
      readonly done: number;
      readonly total: number;
    };

/** What one start needs, opened: where the tree is, and the config that was sealed. */
export interface OpenedTree {
  /** The root of the file system, in memory. */
  readonly root: string;
  readonly config: ImageConfig;
  readonly bytes: number;
  readonly openMs: number;
  readonly applyMs: number;
}

export interface TreeRequest {
  /** Directory in memory to fill; must be empty or absent. */
  readonly root: string;
  /** Added to every owner's uid and gid; null: all files stay ours. */
  readonly idOffset: number | null;
  /** Refused before the first byte if the image is larger. */
  readonly bytesMax: number;
}

/** Images: taken in whole or not at all, and opened whole or not at all. */
export interface ImageVault {
  /**
   * Resolves the reference, fetches, checks and seals what is not here yet, and records the image.
   * One use of the key service. A layer that is stored stays stored if a later one fails.
   */
  import(
    owner: ImageOwner,
    reference: string,
    progress: (event: ImportProgress) => void,
    signal: AbortSignal,
  ): Promise<StoredImage>;
  get(owner: ImageOwner, digest: string): Promise<StoredImage | null>;
  list(): Promise<readonly StoredImage[]>;
  /**
   * Lays out an image in memory. Takes `key` over: it is gone when this settles. Leaves nothing
   * behind when it throws. Not a byte of a layer is used before it was authenticated.
   *
   * @throws RpcError DATA_LOSS for anything stored that was changed, cut, moved or swapped
   */
  openTree(
    image: StoredImage,
    key: LayerKey,
    request: TreeRequest,
    signal: AbortSignal,
  ): Promise<OpenedTree>;
  /** Forgets images of a service that `keeps` does not name; their objects go at the next collection. */
  release(serviceUid: string, keeps: ReadonlySet<string>): Promise<void>;
  collect(): Promise<{ removed: number; bytes: number }>;
}
