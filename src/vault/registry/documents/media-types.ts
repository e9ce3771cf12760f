export type Compression = 'none' | 'gzip' | 'zstd';

const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const ociIndex = 'application/vnd.oci.image.index.v1+json';
const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';
const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';

const manifestKinds: ReadonlyMap<string, 'manifest' | 'index'> = new Map([
  [ociManifest, 'manifest'],
  [dockerManifest, 'manifest'],
  [ociIndex, 'index'],
  [dockerList, 'index'],
]);

const configTypes: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

const layerCompressions: ReadonlyMap<string, Compression> = new Map([
  ['application/vnd.oci.image.layer.v1.tar', 'none'],
  ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
  ['application/vnd.docker.image.rootfs.diff.tar', 'none'],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'zstd'],
]);

/** What a registry is asked for. */
export const manifestTypesAccepted: string = [...manifestKinds.keys()].join(', ');

export const unnamedManifestTypes: Readonly<Record<'manifest' | 'index', string>> = {
  manifest: ociManifest,
  index: ociIndex,
};

/** Null for what is neither. */
export function manifestKind(mediaType: string): 'manifest' | 'index' | null {
  return manifestKinds.get(mediaType) ?? null;
}

/** Schema 1 has no config, and its layers' digests are all that it says. */
export function isSchemaOne(mediaType: string): boolean {
  return mediaType.startsWith('application/vnd.docker.distribution.manifest.v1+');
}

export function isConfigType(mediaType: string): boolean {
  return configTypes.has(mediaType);
}

/** How a layer that was resolved is compressed. Throws for a type that no resolved layer has. */
export function layerCompression(mediaType: string): Compression {
  const found = layerCompressions.get(mediaType);
  if (found === undefined) throw new RangeError(`no layer is of the type ${mediaType}`);
  return found;
}

/** Why layers of a type are not taken in; null if they are. */
export function layerTypeRefusal(mediaType: string): string | null {
  if (layerCompressions.has(mediaType)) return null;
  if (mediaType.endsWith('+encrypted')) {
    return `key provider images are not supported yet: a layer is of the type ${shown(mediaType)}`;
  }
  if (/nondistributable|\.foreign\./.test(mediaType)) {
    return `layers that are kept outside of the registry are not supported: ${shown(mediaType)}`;
  }
  return `layers of the type ${shown(mediaType)} are not supported`;
}

/** Text from a stranger, fit for a message. */
export function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
