import { readConfig } from './image-config.ts';
import { digestOf } from '../image-digest.ts';
import { imageInvalid, imageUnsupported } from '../image-errors.ts';
import type { Descriptor, ResolvedImage } from '../image-source.ts';
import {
  chooseManifest,
  configOf,
  layersOf,
  type ManifestDocument,
  readManifest,
} from './manifest.ts';
import type { Platform } from './platform.ts';

export const manifestBytesMax: number = 4 << 20;
export const configBytesMax: number = 8 << 20;
/** An index may lead to another, as some tools nest them; further it only leads astray. */
const indexDepthMax = 2;

/** What a reference names, as it came: nothing of it was checked. */
export interface NamedManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string | null;
  /** What its digest must be, if anything says so. */
  readonly digest: string | null;
}

/** Where the small documents of one image come from. Neither digests nor sizes are checked. */
export interface DocumentSource {
  readonly reference: string;
  /** At most `manifestBytesMax` and one byte more. */
  named(signal: AbortSignal): Promise<NamedManifest>;
  manifest(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array>;
  config(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array>;
}

/** Follows a reference to the one image that runs here, and checks every digest on the way. */
export async function resolveImage(
  source: DocumentSource,
  platform: Platform,
  signal: AbortSignal,
): Promise<ResolvedImage> {
  const { reference } = source;
  const top = await namedDocument(source, signal);
  let { digest, document } = top;
  for (let depth = 0; document.kind === 'index'; depth++) {
    if (depth === indexDepthMax) {
      throw imageUnsupported(reference, `its indexes are nested deeper than ${indexDepthMax}`);
    }
    const chosen = chooseManifest(reference, document, platform);
    requireSize(reference, chosen, manifestBytesMax);
    const bytes = await source.manifest(chosen, signal);
    requireMatch(reference, bytes, chosen);
    document = readManifest(reference, bytes, chosen.mediaType);
    ({ digest } = chosen);
  }
  const image = await imageOf(source, document, platform, signal);
  return { digest, indexDigest: top.digest, ...image };
}

async function namedDocument(
  source: DocumentSource,
  signal: AbortSignal,
): Promise<{ digest: string; document: ManifestDocument }> {
  const { reference } = source;
  const { bytes, mediaType, digest } = await source.named(signal);
  if (bytes.length > manifestBytesMax) throw tooLarge(reference, 'its manifest', manifestBytesMax);
  const actual = digestOf(bytes, digest ?? undefined);
  if (digest !== null && digest !== actual) throw wrongDigest(reference, digest);
  return { digest: actual, document: readManifest(reference, bytes, mediaType) };
}

async function imageOf(
  source: DocumentSource,
  document: ManifestDocument,
  platform: Platform,
  signal: AbortSignal,
): Promise<Pick<ResolvedImage, 'config' | 'configBytes' | 'layers'>> {
  const { reference } = source;
  const descriptor = configOf(reference, document);
  const layers = layersOf(reference, document);
  requireSize(reference, descriptor, configBytesMax);
  const configBytes = await source.config(descriptor, signal);
  requireMatch(reference, configBytes, descriptor);
  const expected = { reference, platform, manifestType: document.mediaType, layers: layers.length };
  return { config: readConfig(configBytes, expected), configBytes, layers };
}

function requireSize(reference: string, { digest, size }: Descriptor, bytesMax: number): void {
  if (size > bytesMax) throw tooLarge(reference, digest, bytesMax);
}

function requireMatch(reference: string, bytes: Uint8Array, { digest, size }: Descriptor): void {
  if (bytes.length !== size)
    throw imageInvalid(reference, `${digest} is not of the size it is to be`);
  if (digestOf(bytes, digest) !== digest) throw wrongDigest(reference, digest);
}

function tooLarge(reference: string, what: string, bytesMax: number): Error {
  return imageInvalid(reference, `${what} is larger than ${bytesMax} bytes`);
}

function wrongDigest(reference: string, digest: string): Error {
  return imageInvalid(reference, `what came for ${digest} has another digest`);
}
