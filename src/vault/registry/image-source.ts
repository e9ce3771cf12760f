import type { Readable } from 'node:stream';

/** An OCI content descriptor. */
export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:…`; the only algorithm besides is sha512. */
  readonly digest: string;
  /** Bytes, as the manifest has it. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The fields of an image config that starts need; the whole is sealed as it came. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly workingDir: string;
  /** `uid`, `uid:gid` or names; empty: root. */
  readonly user: string;
  /** `8080/tcp`. */
  readonly exposedPorts: readonly string[];
  readonly stopSignal: string;
  readonly diffIds: readonly string[];
}

/** A manifest whose digest, and whose config's digest, were checked. */
export interface ResolvedImage {
  /** Of the image's manifest, not of an index that led to it: what a revision is pinned to. */
  readonly digest: string;
  /** Of what the reference named: an index, or the manifest itself. */
  readonly indexDigest: string;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
  /** As many as `config.diffIds`. */
  readonly layers: readonly Descriptor[];
}

/** One place from which one image comes. */
export interface ImageSource {
  /** As it is to be recorded: `us-docker.pkg.dev/cloudrun/container/hello:latest`. */
  readonly reference: string;
  resolve(signal: AbortSignal): Promise<ResolvedImage>;
  /**
   * A blob from a byte on, exactly as it is there: whoever reads it checks its digest and size. A
   * connection that breaks is taken up where it broke. Never more than `descriptor.size` bytes.
   * Its chunks are the reader's own: it may give their memory back.
   */
  open(descriptor: Descriptor, fromByte: number, signal: AbortSignal): Promise<Readable>;
}

/**
 * Where images come from. Throws RpcError with Cloud Run's words for an image that is not there or
 * not allowed, INVALID_ARGUMENT for a reference that is none.
 */
export interface ImageSources {
  /** `HOST/PATH[:TAG|@DIGEST]`; `oci:FOLDER[:TAG]` and `oci-archive:FILE[:TAG]` where operators may. */
  open(reference: string): ImageSource;
}
