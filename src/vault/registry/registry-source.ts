import type { Readable } from 'node:stream';

import { assert } from '../../runtime/index.ts';
import { imageInvalid, imageNotFound, registryAnswerInvalid } from './image-errors.ts';
import type { ImageReference } from './image-reference.ts';
import {
  configBytesMax,
  type DocumentSource,
  manifestBytesMax,
  type NamedManifest,
  resolveImage,
} from './documents/image-resolver.ts';
import type { Descriptor, ImageSource, ResolvedImage } from './image-source.ts';
import { manifestTypesAccepted } from './documents/media-types.ts';
import type { Platform } from './documents/platform.ts';
import type { Repository } from './registry-auth.ts';
import { RegistryBlob } from './registry-blob.ts';
import type { RegistryClient } from './registry-client.ts';
import type { RegistryPlace } from './registry-hosts.ts';
import { retried, type RetryOptions } from './retries.ts';

export interface RegistrySourceOptions extends Omit<RetryOptions, 'signal'> {
  readonly client: RegistryClient;
  readonly platform: Platform;
}

/** One image in a registry. */
export class RegistrySource implements ImageSource, DocumentSource {
  readonly reference: string;
  readonly #named: ImageReference;
  readonly #repository: Repository;
  readonly #options: RegistrySourceOptions;

  constructor(reference: ImageReference, place: RegistryPlace, options: RegistrySourceOptions) {
    this.reference = reference.text;
    this.#named = reference;
    this.#repository = { place, name: reference.repository, reference: reference.text };
    this.#options = options;
  }

  resolve(signal: AbortSignal): Promise<ResolvedImage> {
    return resolveImage(this, this.#options.platform, signal);
  }

  async open(descriptor: Descriptor, fromByte: number, signal: AbortSignal): Promise<Readable> {
    assert(fromByte >= 0 && fromByte <= descriptor.size, 'a blob is read from a byte of its own');
    signal.throwIfAborted();
    const { client, clock, log } = this.#options;
    const asked = { repository: this.#repository, descriptor, at: fromByte };
    return await new RegistryBlob(client, asked, { clock, log, signal }).open();
  }

  /** A digest is asked for where one is named: the tag beside it may have moved. */
  async named(signal: AbortSignal): Promise<NamedManifest> {
    const { tag, digest } = this.#named;
    const answer = await this.#small(`manifests/${digest ?? tag}`, manifestBytesMax, signal);
    if (answer === null) throw imageNotFound(this.reference);
    const mediaType = answer.type.split(';')[0]?.trim().toLowerCase() ?? null;
    return { bytes: answer.bytes, mediaType, digest };
  }

  async manifest({ digest }: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    const answer = await this.#small(`manifests/${digest}`, manifestBytesMax, signal);
    if (answer === null) throw this.#missing(digest);
    return answer.bytes;
  }

  async config({ digest }: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    const answer = await this.#small(`blobs/${digest}`, configBytesMax, signal);
    if (answer === null) throw this.#missing(digest);
    return answer.bytes;
  }

  async #small(
    path: string,
    bytesMax: number,
    signal: AbortSignal,
  ): Promise<{ bytes: Uint8Array; type: string } | null> {
    const { client, clock, log } = this.#options;
    const headers: Record<string, string> = path.startsWith('manifests/')
      ? { accept: manifestTypesAccepted }
      : {};
    const asked = { repository: this.#repository, path, headers, signal };
    const ask = (): ReturnType<RegistryClient['get']> => client.get(asked, bytesMax);
    const answer = await retried({ clock, log, signal }, ask);
    const { status, body } = answer;
    if (status === 404) return null;
    if (status === 200) return { bytes: body, type: answer.headers['content-type'] ?? '' };
    throw registryAnswerInvalid(this.#repository.place.host, `${status} for ${path}`);
  }

  #missing(digest: string): Error {
    return imageInvalid(this.reference, `${digest}, which it is made of, is not in the registry`);
  }
}
