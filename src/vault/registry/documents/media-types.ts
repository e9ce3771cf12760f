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

/** How a layer is compressed is read from its first bytes: tools have these wrong at times. */
const layerTypes: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.diff.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd',
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

/** Why layers of a type are not taken in; null if they are. */
export function layerTypeRefusal(mediaType: string): string | null {
  if (layerTypes.has(mediaType)) return null;
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
