import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import type { LayerKey, LayerKeyPlace } from '../../src/envelope/index.ts';
import { silentLogger, SystemClock, SystemEntropy } from '../../src/runtime/index.ts';
import { type MetaStore, openMemoryStore } from '../../src/storage/index.ts';
import type { ImportProgress, StoredImage } from '../../src/vault/images/image-vault.ts';
import {
  type ImageVaultOptions,
  openImageVault,
  type OpenImageVault,
} from '../../src/vault/images/open-image-vault.ts';
import { openObjectStore } from '../../src/vault/objects/file-object-store.ts';
import type { ObjectStore } from '../../src/vault/objects/object-store.ts';
import type {
  Descriptor,
  ImageSource,
  ImageSources,
  ResolvedImage,
} from '../../src/vault/registry/image-source.ts';
import type { Blob, MadeImage } from './oci-image.ts';

export const benchOwner: LayerKeyPlace = {
  project: 'acme',
  serviceUid: 'uid-1',
  serviceName: 'projects/acme/locations/us-central1/services/hello',
  key: null,
};

/** A DEK of known bytes, in memory of its own as the real ones are. */
export function benchKey(seed: number = 7): LayerKey {
  const bytes = new Uint8Array(32).fill(seed);
  return {
    id: new Uint8Array(16).fill(seed),
    bytes,
    wipe: () => void (bytes.length > 0 && bytes.fill(0)),
  };
}

/** Images that are served from memory, as the sources of registries serve theirs. */
export class MadeSources implements ImageSources {
  readonly #images = new Map<string, MadeImage>();
  /** Digests of blobs that were asked for. */
  readonly opened: string[] = [];
  /** What is given for a blob instead of its own bytes. */
  readonly forged: Map<string, () => Readable> = new Map();

  add(reference: string, image: MadeImage): void {
    this.#images.set(reference, image);
  }

  open(reference: string): ImageSource {
    const image = this.#images.get(reference)!;
    return {
      reference,
      resolve: async () => resolved(image),
      open: async (descriptor) => this.#blob(image, descriptor),
    };
  }

  #blob(image: MadeImage, { digest }: Descriptor): Readable {
    this.opened.push(digest);
    const forged = this.forged.get(digest);
    if (forged !== undefined) return forged();
    const { bytes } = image.layers.find((layer) => layer.digest === digest)!;
    return Readable.from(pieces(bytes), { objectMode: false });
  }
}

/** A vault of images on a real object store, with what a test looks at. */
export interface ImageBench {
  readonly folder: string;
  readonly images: OpenImageVault;
  readonly objects: ObjectStore;
  readonly meta: MetaStore;
  readonly sources: MadeSources;
  /** Keys that were asked for. */
  readonly keyUses: LayerKeyPlace[];
  readonly progress: ImportProgress[];
  import(reference: string, signal?: AbortSignal): Promise<StoredImage>;
  /** Names of the objects that are there. */
  stored(): Promise<string[]>;
  close(): Promise<void>;
}

export async function openImageBench(
  changes: Partial<ImageVaultOptions> = {},
  folder: string = mkdtempSync(join(tmpdir(), 'sealpost-images-')),
): Promise<ImageBench> {
  const ports = { clock: new SystemClock(), entropy: new SystemEntropy(), log: silentLogger };
  const objects = await openObjectStore({ folder, ...ports });
  const { meta } = openMemoryStore(ports);
  const sources = new MadeSources();
  const keyUses: LayerKeyPlace[] = [];
  const progress: ImportProgress[] = [];
  const keys = {
    forDeploy: async (place: LayerKeyPlace) => {
      keyUses.push(place);
      return benchKey();
    },
  };
  const observer = { imported: () => undefined };
  const options = { meta, objects, keys, sources, observer, ...ports, ...changes };
  const images = openImageVault(options);
  return {
    folder,
    images,
    objects,
    meta,
    sources,
    keyUses,
    progress,
    import: (reference, signal = new AbortController().signal) =>
      images.import(benchOwner, reference, (event) => progress.push(event), signal),
    async stored() {
      const names: string[] = [];
      for await (const { name } of objects.list()) names.push(name);
      return names;
    },
    async close() {
      await images.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function resolved(image: MadeImage): ResolvedImage {
  const document = JSON.parse(image.config.bytes.toString()) as {
    readonly architecture: string;
    readonly os: string;
    readonly config: { readonly Env?: string[] };
  };
  return {
    digest: image.manifest.digest,
    indexDigest: image.manifest.digest,
    configBytes: image.config.bytes,
    config: {
      architecture: document.architecture,
      os: document.os,
      entrypoint: [],
      cmd: [],
      env: document.config.Env ?? [],
      workingDir: '',
      user: '',
      exposedPorts: [],
      stopSignal: '',
      diffIds: image.layers.map(({ diffId }) => diffId),
    },
    layers: image.layers.map(descriptor),
  };
}

function descriptor({ mediaType, digest, size }: Blob): Descriptor {
  return { mediaType, digest, size };
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536)
    yield Buffer.from(bytes.subarray(at, at + 65_536));
}
