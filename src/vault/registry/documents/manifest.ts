import { parseDigest } from '../image-digest.ts';
import { imageInvalid, imageUnsupported, platformMissing } from '../image-errors.ts';
import type { Descriptor } from '../image-source.ts';
import { isRecord, type JsonRecord, parseRecord } from './json-document.ts';
import {
  isConfigType,
  isSchemaOne,
  layerTypeRefusal,
  manifestKind,
  shown,
  unnamedManifestTypes,
} from './media-types.ts';
import { fit, type Platform, platformText } from './platform.ts';

export const layersMax = 127;

/** A manifest or an index, read but not yet followed. */
export interface ManifestDocument {
  readonly kind: 'manifest' | 'index';
  readonly mediaType: string;
  readonly json: JsonRecord;
}

/**
 * Reads what is a manifest or an index. `said` is the type by which it came, if by one: where the
 * bytes name a type too, both must agree, so that one digest cannot be read in two ways.
 */
export function readManifest(
  reference: string,
  bytes: Uint8Array,
  said: string | null,
): ManifestDocument {
  const json = parseRecord(bytes);
  if (json === null) throw imageInvalid(reference, 'its manifest is no JSON object');
  const declared = typeof json['mediaType'] === 'string' ? json['mediaType'] : null;
  if (json['schemaVersion'] === 1 || isSchemaOne(declared ?? said ?? '')) {
    const why = 'its manifest is of Docker schema 1; push it again with a current client';
    throw imageUnsupported(reference, why);
  }
  if (json['schemaVersion'] !== 2) {
    throw imageInvalid(reference, 'its manifest is of no known schema version');
  }
  const kind = kindOf(reference, json);
  const mediaType = agreedType(reference, kind, declared, said);
  return { kind, mediaType, json };
}

function kindOf(reference: string, json: JsonRecord): 'manifest' | 'index' {
  const isIndex = json['manifests'] !== undefined;
  const isManifest = json['layers'] !== undefined || json['config'] !== undefined;
  if (isIndex === isManifest) {
    throw imageInvalid(reference, 'its manifest is not clearly that of an image or of an index');
  }
  return isIndex ? 'index' : 'manifest';
}

function agreedType(
  reference: string,
  kind: 'manifest' | 'index',
  declared: string | null,
  said: string | null,
): string {
  const known = said !== null && manifestKind(said) !== null ? said : null;
  const mediaType = declared ?? known ?? unnamedManifestTypes[kind];
  if (manifestKind(mediaType) === null) {
    throw imageUnsupported(reference, `its manifest is of the type ${shown(mediaType)}`);
  }
  if (manifestKind(mediaType) !== kind || (known !== null && known !== mediaType)) {
    throw imageInvalid(reference, 'the type of its manifest is not the one that it was given as');
  }
  return mediaType;
}

/** The manifest of an index that is to run on a platform. */
export function chooseManifest(
  reference: string,
  { json, mediaType }: ManifestDocument,
  platform: Platform,
): Descriptor {
  const members: readonly unknown[] = Array.isArray(json['manifests']) ? json['manifests'] : [];
  let best: { rank: number; member: JsonRecord } | null = null;
  for (const member of members) {
    if (!isRecord(member) || manifestKind(String(member['mediaType'])) === null) continue;
    const rank = rankOf(platform, member);
    if (rank !== null && (best === null || rank < best.rank)) best = { rank, member };
  }
  if (best === null) throw platformMissing(mediaType, platformText(platform));
  return readDescriptor(reference, best.member);
}

/** One that names no platform comes last: its config will tell. */
function rankOf(platform: Platform, member: JsonRecord): number | null {
  return member['platform'] === undefined ? Infinity : fit(platform, member['platform']);
}

export function configOf(reference: string, { json }: ManifestDocument): Descriptor {
  const config = readDescriptor(reference, json['config']);
  if (isConfigType(config.mediaType)) return config;
  const why = `it is no container image: its config is of the type ${shown(config.mediaType)}`;
  throw imageUnsupported(reference, why);
}

export function layersOf(reference: string, { json }: ManifestDocument): Descriptor[] {
  const layers = json['layers'];
  if (!Array.isArray(layers)) throw imageInvalid(reference, 'its manifest lists no layers');
  if (layers.length > layersMax) {
    throw imageInvalid(reference, `it has more than ${layersMax} layers`);
  }
  return layers.map((layer) => readLayer(reference, layer));
}

function readLayer(reference: string, value: unknown): Descriptor {
  const layer = readDescriptor(reference, value);
  const refusal = layerTypeRefusal(layer.mediaType);
  if (refusal !== null) throw imageUnsupported(reference, refusal);
  return layer;
}

export function readDescriptor(reference: string, value: unknown): Descriptor {
  if (!isRecord(value)) throw imageInvalid(reference, 'a descriptor of its manifest is no object');
  const { mediaType, digest, size, urls, annotations } = value;
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || parseDigest(digest) === null) {
    throw imageInvalid(reference, 'a descriptor of its manifest has no type, or no known digest');
  }
  if (!Number.isSafeInteger(size) || Number(size) < 0) {
    throw imageInvalid(reference, `the size of ${digest} is no number of bytes`);
  }
  if (urls !== undefined && urls !== null && !(Array.isArray(urls) && urls.length === 0)) {
    throw imageUnsupported(reference, `${digest} is to be fetched from elsewhere, by urls`);
  }
  const texts = annotationsOf(annotations);
  return { mediaType, digest, size: Number(size), ...(texts !== null && { annotations: texts }) };
}

function annotationsOf(value: unknown): Record<string, string> | null {
  if (!isRecord(value)) return null;
  const texts = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(texts);
}
