import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

/** What a tar is made of; `data` only for files. */
export type TarEntry = Partial<Header> & {
  readonly name: string;
  readonly data?: string | Buffer;
};

/** The bytes of a tar, deterministic: all that is not said is root's, of the year 2000. */
export async function makeTar(entries: readonly TarEntry[]): Promise<Buffer> {
  const tar = pack();
  const chunks: Buffer[] = [];
  tar.on('data', (chunk) => chunks.push(chunk as Buffer));
  const ended = new Promise<void>((resolve, reject) => {
    tar.on('end', () => resolve()).on('error', reject);
  });
  for (const { data = '', ...header } of entries) {
    tar.entry({ mtime: new Date(946_684_800_000), ...header }, Buffer.from(data));
  }
  tar.finalize();
  await ended;
  return Buffer.concat(chunks);
}

export type Compression = 'gzip' | 'zstd' | 'none';
export type MediaTypes = 'oci' | 'docker';

export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly bytes: Buffer;
}

export interface MadeLayer extends Blob {
  readonly diffId: string;
}

export interface MadeImage {
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly MadeLayer[];
}

/** The object `config` of an image config, and what else of it is to differ. */
export interface ImageWishes {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  readonly variant?: string;
  readonly os?: string;
  readonly compression?: Compression;
  readonly mediaTypes?: MediaTypes;
  readonly algorithm?: 'sha256' | 'sha512';
}

const mediaTypes = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    index: 'application/vnd.oci.image.index.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    none: 'application/vnd.oci.image.layer.v1.tar',
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    none: 'application/vnd.docker.image.rootfs.diff.tar',
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  },
} as const;

const compressors: Readonly<Record<Compression, (bytes: Buffer) => Buffer>> = {
  none: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};

export function digestOf(bytes: Uint8Array, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

export function makeBlob(mediaType: string, bytes: Buffer, algorithm = 'sha256'): Blob {
  return { mediaType, digest: digestOf(bytes, algorithm), size: bytes.length, bytes };
}

export function makeJsonBlob(mediaType: string, value: unknown, algorithm = 'sha256'): Blob {
  return makeBlob(mediaType, Buffer.from(JSON.stringify(value)), algorithm);
}

export function descriptorOf({ mediaType, digest, size }: Blob): Omit<Blob, 'bytes'> {
  return { mediaType, digest, size };
}

/** An image of these tars, the lowest first. */
export function makeImage(tars: readonly Buffer[], wishes: ImageWishes = {}): MadeImage {
  const types = mediaTypes[wishes.mediaTypes ?? 'oci'];
  const compression = wishes.compression ?? 'gzip';
  const layers = tars.map((tar) => ({
    ...makeBlob(types[compression], compressors[compression](tar), wishes.algorithm),
    diffId: digestOf(tar),
  }));
  const config = makeJsonBlob(types.config, configOf(layers, wishes), wishes.algorithm);
  const manifest = makeJsonBlob(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
  });
  return { manifest, config, layers };
}

function configOf(layers: readonly MadeLayer[], wishes: ImageWishes): object {
  return {
    created: '2000-01-01T00:00:00Z',
    architecture: wishes.architecture ?? 'amd64',
    ...(wishes.variant !== undefined && { variant: wishes.variant }),
    os: wishes.os ?? 'linux',
    config: wishes.config ?? {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  };
}

/** A manifest list over images that say for which platform each is. */
export function makeIndex(
  members: readonly { readonly image: MadeImage; readonly platform?: object }[],
  kind: MediaTypes = 'oci',
): Blob {
  return makeJsonBlob(mediaTypes[kind].index, {
    schemaVersion: 2,
    mediaType: mediaTypes[kind].index,
    manifests: members.map(({ image, platform }) => ({
      ...descriptorOf(image.manifest),
      ...(platform !== undefined && { platform }),
    })),
  });
}

/** Everything that a registry must hold to serve an image. */
export function blobsOf({ manifest, config, layers }: MadeImage): Blob[] {
  return [manifest, config, ...layers];
}

/** Writes an OCI image layout: each named blob gets its tag in `index.json`. */
export function writeLayout(
  folder: string,
  named: readonly { readonly tag?: string; readonly top: Blob }[],
  blobs: readonly Blob[],
): void {
  for (const { digest, bytes } of [...blobs, ...named.map(({ top }) => top)]) {
    const path = join(folder, 'blobs', digest.replace(':', '/'));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(folder, 'index.json'), JSON.stringify(layoutIndex(named)));
}

export function layoutIndex(
  named: readonly { readonly tag?: string; readonly top: Blob }[],
): object {
  const manifests = named.map(({ tag, top }) => ({
    ...descriptorOf(top),
    ...(tag !== undefined && { annotations: { 'org.opencontainers.image.ref.name': tag } }),
  }));
  return { schemaVersion: 2, manifests };
}

/** A layout of one image, tagged. */
export function writeImageLayout(folder: string, image: MadeImage, tag = 'v1'): void {
  writeLayout(folder, [{ tag, top: image.manifest }], blobsOf(image));
}
