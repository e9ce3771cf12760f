import { Readable } from 'node:stream';

import { assert } from '../../../runtime/index.ts';
import { RpcError } from '../../../rpc/index.ts';
import { parseDigest } from '../image-digest.ts';
import { imageInvalid, imageNotFound } from '../image-errors.ts';
import {
  type DocumentSource,
  type NamedManifest,
  resolveImage,
} from '../documents/image-resolver.ts';
import type { Descriptor, ImageSource, ResolvedImage } from '../image-source.ts';
import { isRecord, parseRecord } from '../documents/json-document.ts';
import { ArchiveFiles, FolderFiles, type LayoutFile, type LayoutFiles } from './layout-files.ts';
import { readDescriptor } from '../documents/manifest.ts';
import type { Platform } from '../documents/platform.ts';

const indexBytesMax = 4 << 20;
const tagAnnotation = 'org.opencontainers.image.ref.name';

/**
 * `oci:/FOLDER[:TAG]` and `oci-archive:/FILE.tar[:TAG]`: an OCI image layout on this machine, as a
 * folder or in a tar. Null for what does not begin as a path on this machine does.
 */
export function openLocal(
  text: string,
  { isAllowed, platform }: { readonly isAllowed: boolean; readonly platform: Platform },
): ImageSource | null {
  const [, scheme = '', rest = ''] = /^([a-z][a-z-]*):(\/.*)$/s.exec(text) ?? [];
  if (scheme === '') return null;
  if (!isAllowed) throw refused('Images of this machine may be named with --local-images only.');
  if ((scheme !== 'oci' && scheme !== 'oci-archive') || text.includes('\0')) {
    const known = 'oci:/FOLDER[:TAG] or oci-archive:/FILE[:TAG]';
    throw refused(`Images of this machine are named ${known}; ${scheme}: is not supported.`);
  }
  const at = rest.indexOf(':', rest.lastIndexOf('/') + 1);
  const path = at < 0 ? rest : rest.slice(0, at);
  const files = scheme === 'oci' ? new FolderFiles(path) : new ArchiveFiles(path);
  return new LocalSource(text, at < 0 ? null : rest.slice(at + 1), files, platform);
}

function refused(text: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', 'IMAGE_REFERENCE_INVALID', text);
}

class LocalSource implements ImageSource, DocumentSource {
  readonly reference: string;
  readonly #tag: string | null;
  readonly #files: LayoutFiles;
  readonly #platform: Platform;

  constructor(reference: string, tag: string | null, files: LayoutFiles, platform: Platform) {
    this.reference = reference;
    this.#tag = tag;
    this.#files = files;
    this.#platform = platform;
  }

  resolve(signal: AbortSignal): Promise<ResolvedImage> {
    return resolveImage(this, this.#platform, signal);
  }

  async open(descriptor: Descriptor, fromByte: number, signal: AbortSignal): Promise<Readable> {
    assert(fromByte >= 0 && fromByte <= descriptor.size, 'a blob is read from a byte of its own');
    signal.throwIfAborted();
    if (fromByte === descriptor.size) return Readable.from([]);
    const blob = await this.#blob(descriptor);
    return blob.stream(fromByte, signal);
  }

  async named(signal: AbortSignal): Promise<NamedManifest> {
    const index = await this.#file('index.json');
    if (index === null) throw imageNotFound(this.reference);
    if (index.size > indexBytesMax) {
      throw imageInvalid(this.reference, 'its index.json is too large');
    }
    const members = parseRecord(await index.bytes(signal))?.['manifests'];
    if (!Array.isArray(members)) throw imageInvalid(this.reference, 'its index.json lists nothing');
    const descriptor = readDescriptor(this.reference, this.#member(members));
    const { mediaType, digest } = descriptor;
    return { bytes: await this.manifest(descriptor, signal), mediaType, digest };
  }

  manifest(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    return this.#small(descriptor, signal);
  }

  config(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    return this.#small(descriptor, signal);
  }

  /** The one with the tag; without a tag the only one. */
  #member(members: readonly unknown[]): unknown {
    const tag = this.#tag;
    const isNamed = (member: unknown): boolean => {
      const annotations = isRecord(member) ? member['annotations'] : null;
      return isRecord(annotations) && annotations[tagAnnotation] === tag;
    };
    const found = tag === null ? members : members.filter(isNamed);
    if (found.length === 1) return found[0];
    if (found.length === 0) throw imageNotFound(this.reference);
    const why =
      tag === null ? 'several images are there, so a tag is needed' : 'several images have its tag';
    throw imageInvalid(this.reference, why);
  }

  async #small(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    const blob = await this.#blob(descriptor);
    return await blob.bytes(signal);
  }

  async #blob({ digest, size }: Descriptor): Promise<LayoutFile> {
    const { algorithm, hex } = parseDigest(digest)!;
    const file = await this.#file(`blobs/${algorithm}/${hex}`);
    if (file === null) throw imageInvalid(this.reference, `${digest} is not in the layout`);
    if (file.size !== size) {
      throw imageInvalid(this.reference, `${digest} is not of the size it is to be`);
    }
    return file;
  }

  async #file(name: string): Promise<LayoutFile | null> {
    try {
      return await this.#files.find(name);
    } catch (error) {
      if (error instanceof RpcError) throw error;
      const why = error instanceof Error ? error.message : 'it cannot be read';
      throw imageInvalid(this.reference, why);
    }
  }
}
