import type { LayerKey, LayerKeys } from '../../envelope/index.ts';
import { openImageConfig, sealImageConfig } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock, Entropy, Logger } from '../../runtime/index.ts';
import type { MetaStore } from '../../storage/index.ts';
import { defaultLayerLimits, type LayerLimits, LayerRefusal } from '../layers/layer-entry.ts';
import type { StoredLayerPlace } from '../layers/stored-layer.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { VaultObserver } from '../observer.ts';
import type { ImageConfig, ImageSources, ResolvedImage } from '../registry/image-source.ts';
import { type Examined, type ExamineJob, type LayOutJob, workStopped } from '../threads/job.ts';
import { JobThreads } from '../threads/job-threads.ts';
import { ImageIntake, type TakenImage } from './image-intake.ts';
import { ImageRows } from './image-rows.ts';
import type {
  ImageOwner,
  ImageVault,
  ImportProgress,
  OpenedTree,
  StoredImage,
  TreeRequest,
} from './image-vault.ts';
import { secretOf } from './job-secret.ts';

export interface ImageVaultOptions {
  /** The vault's sealed metadata. */
  readonly meta: MetaStore;
  readonly objects: ObjectStore;
  readonly keys: Pick<LayerKeys, 'forDeploy'>;
  readonly sources: ImageSources;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer: Pick<VaultObserver, 'imported'>;
  readonly limits?: LayerLimits;
  /** Objects that no image needs stay so long: whoever imports may be about to need them. */
  readonly graceMs?: number;
}

/** What the composition needs beside the port. */
export interface OpenImageVault extends ImageVault {
  /** Opens every chunk of an image's layers, and takes `key` over: `sealpost vault verify`. */
  verifyImage(image: StoredImage, key: LayerKey, signal: AbortSignal): Promise<Examined>;
  /** Ends the threads. Imports and openings must have been stopped. */
  close(): Promise<void>;
}

const defaultGraceMs = 3_600_000;

export function openImageVault(options: ImageVaultOptions): OpenImageVault {
  return new FileImageVault(options);
}

class FileImageVault implements OpenImageVault {
  readonly #options: ImageVaultOptions;
  readonly #rows: ImageRows;
  readonly #threads = new JobThreads();
  /** Names of layers that imports under way count on. */
  readonly #awaited = new Set<readonly string[]>();

  constructor(options: ImageVaultOptions) {
    this.#options = options;
    this.#rows = new ImageRows(options.meta);
  }

  async import(
    owner: ImageOwner,
    reference: string,
    progress: (event: ImportProgress) => void,
    signal: AbortSignal,
  ): Promise<StoredImage> {
    const { clock, observer, log } = this.#options;
    const startMs = clock.monotonicMs();
    try {
      const { image, taken } = await this.#import(owner, reference, progress, signal);
      const ms = clock.monotonicMs() - startMs;
      observer.imported('imported', taken.newBytes, taken.presentBytes, ms);
      const { digest, layers } = image;
      log.info({ reference, digest, layers: layers.length, ms }, 'an image was imported');
      return image;
    } catch (error) {
      observer.imported('failed', 0, 0, clock.monotonicMs() - startMs);
      throw signal.aborted ? workStopped() : error;
    }
  }

  async get(owner: ImageOwner, digest: string): Promise<StoredImage | null> {
    return (await this.#rows.get(owner, digest))?.image ?? null;
  }

  async list(): Promise<readonly StoredImage[]> {
    return (await this.#rows.all()).map(({ image }) => image);
  }

  async openTree(
    image: StoredImage,
    key: LayerKey,
    request: TreeRequest,
    signal: AbortSignal,
  ): Promise<OpenedTree> {
    try {
      const config = await this.#configOf(image, key);
      const layers = this.#placesOf(image, config);
      const job: LayOutJob = { kind: 'lay-out', secret: secretOf(key), layers, ...request };
      const laidOut = await this.#threads.runInTurn<'lay-out'>(job, signal);
      return { root: request.root, config, ...laidOut };
    } catch (error) {
      if (signal.aborted) throw workStopped();
      // What was stored had been surveyed: that it does not fit now is damage.
      if (error instanceof LayerRefusal) throw changed(error.message, error);
      throw error;
    } finally {
      key.wipe();
    }
  }

  async verifyImage(image: StoredImage, key: LayerKey, signal: AbortSignal): Promise<Examined> {
    try {
      const config = await this.#configOf(image, key);
      const layers = this.#placesOf(image, config);
      const job: ExamineJob = { kind: 'examine', secret: secretOf(key), layers };
      return await this.#threads.run<'examine'>(job, signal).result;
    } finally {
      key.wipe();
    }
  }

  async release(serviceUid: string, keeps: ReadonlySet<string>): Promise<void> {
    for (const { image } of await this.#rows.ofService(serviceUid)) {
      if (!keeps.has(image.digest)) await this.#rows.remove(image);
    }
  }

  async collect(): Promise<{ removed: number; bytes: number }> {
    const images = await this.list();
    const recorded = images.flatMap(({ layers }) => layers.map(({ object }) => object));
    const needed = new Set([...recorded, ...[...this.#awaited].flat()]);
    return this.#options.objects.collect(needed, this.#options.graceMs ?? defaultGraceMs);
  }

  close(): Promise<void> {
    return this.#threads.close();
  }

  async #import(
    owner: ImageOwner,
    reference: string,
    progress: (event: ImportProgress) => void,
    signal: AbortSignal,
  ): Promise<{ image: StoredImage; taken: TakenImage }> {
    const { sources, keys, objects, limits = defaultLayerLimits } = this.#options;
    const source = sources.open(reference);
    const resolved = await source.resolve(signal);
    progress({ kind: 'resolved', digest: resolved.digest, layers: resolved.layers.length });
    signal.throwIfAborted();
    const key = await keys.forDeploy(owner);
    let awaited: readonly string[] = [];
    try {
      const order = { source, resolved, key, progress, signal };
      const intake = new ImageIntake({ objects, threads: this.#threads, limits }, order);
      awaited = intake.names;
      this.#awaited.add(awaited);
      const taken = await intake.take();
      const image = await this.#record(owner, source.reference, resolved, key, taken);
      return { image, taken };
    } finally {
      this.#awaited.delete(awaited);
      key.wipe();
    }
  }

  /** Last of all: an image that has a record is whole. */
  async #record(
    owner: ImageOwner,
    reference: string,
    { digest, config }: ResolvedImage,
    key: LayerKey,
    { layers, unpackedBytes }: TakenImage,
  ): Promise<StoredImage> {
    const { clock, entropy } = this.#options;
    const keyId = Buffer.from(key.id).toString('hex');
    const importedMs = clock.wallMs();
    const image = { owner, reference, digest, keyId, layers, importedMs, unpackedBytes };
    const place = { key: key.bytes, keyId: key.id, place: owner, manifestDigest: digest };
    const plain = new TextEncoder().encode(JSON.stringify(config));
    const sealedConfig = sealImageConfig(place, plain, entropy);
    await this.#rows.put({ image, sealedConfig });
    return image;
  }

  async #configOf({ owner, digest }: StoredImage, key: LayerKey): Promise<ImageConfig> {
    const record = await this.#rows.get(owner, digest);
    if (record === null) {
      const text = `The vault has no image ${digest} of it.`;
      throw new RpcError('NOT_FOUND', 'IMAGE_NOT_FOUND', text);
    }
    const place = { key: key.bytes, keyId: key.id, place: owner, manifestDigest: digest };
    const plain = openImageConfig(place, record.sealedConfig);
    return JSON.parse(new TextDecoder().decode(plain)) as ImageConfig;
  }

  /** Which layers, and in which order, is what the config says that the owner's key sealed. */
  #placesOf({ layers }: StoredImage, { diffIds }: ImageConfig): StoredLayerPlace[] {
    const isSame = layers.length === diffIds.length;
    if (!isSame || layers.some(({ diffId }, index) => diffId !== diffIds[index])) {
      throw changed('its record names other layers than its config');
    }
    return layers.map(({ diffId, object }) => {
      const { dataPath, indexPath } = this.#options.objects.files(object);
      return { diffId, dataPath, indexPath };
    });
  }
}

function changed(problem: string, cause?: unknown): RpcError {
  const text = `A stored image layer was changed: ${problem}.`;
  return new RpcError('DATA_LOSS', 'LAYER_TAMPERED', text, { cause });
}
