import type { LayerKeyRewrap, LayerKeys, StoredLayerKey } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock, Entropy, Logger } from '../../runtime/index.ts';
import type { ImageVault, StoredImage } from '../images/image-vault.ts';
import type { KeyState, KeyWatch } from '../keys/key-state.ts';
import type { PendingShutdown, Revocations } from '../keys/revocations.ts';
import type { LayerEntry } from '../layers/layer-entry.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { RunService } from '../services/run-service.ts';
import { settingsOf } from '../services/rules/settings.ts';
import { type ServiceName, serviceNameOf } from '../services/service.ts';
import { ImportJobs, type ImportReport } from './import-jobs.ts';

/** An image, and what stands for it on disk. */
export interface ImageListing extends StoredImage {
  /** How many images need each of its layers, in their order. */
  readonly references: readonly number[];
}

export interface KeyListing {
  readonly project: string;
  readonly key: string;
  readonly state: KeyState;
}

export interface VaultAdministrationParts {
  readonly images: ImageVault;
  readonly objects: ObjectStore;
  readonly layerKeys: LayerKeys;
  readonly run: Pick<RunService, 'get'>;
  readonly watch: Pick<KeyWatch, 'states'>;
  readonly revocations: Pick<Revocations, 'pending'>;
  /** Entries of a layer, from its index: no key is needed. */
  readonly entriesOf: (indexPath: string) => Promise<readonly LayerEntry[]>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
}

/** What an operator of the vault does and sees, beside services: images, keys, their upkeep. */
export class VaultAdministration {
  readonly #parts: VaultAdministrationParts;
  readonly #imports: ImportJobs;

  constructor(parts: VaultAdministrationParts) {
    this.#parts = parts;
    this.#imports = new ImportJobs(parts);
  }

  async images(): Promise<readonly ImageListing[]> {
    const images = await this.#parts.images.list();
    const counts = new Map<string, number>();
    for (const { layers } of images) {
      for (const name of new Set(layers.map(({ object }) => object))) {
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
    }
    return images.map((image) => ({
      ...image,
      references: image.layers.map(({ object }) => counts.get(object) ?? 0),
    }));
  }

  /**
   * Paths of an image's layers, the lowest first, read without any key: file metadata is not
   * encrypted (seed). What is listed was not authenticated.
   *
   * @throws RpcError NOT_FOUND
   */
  async files(
    service: ServiceName,
    digest: string,
  ): Promise<readonly { readonly diffId: string; readonly entries: readonly LayerEntry[] }[]> {
    const { uid } = await this.#parts.run.get(service);
    const images = await this.#parts.images.list();
    const image = images.find((each) => each.owner.serviceUid === uid && each.digest === digest);
    if (image === undefined) throw imageNotFound(digest);
    return Promise.all(
      image.layers.map(async ({ diffId, object }) => ({
        diffId,
        entries: await this.#parts.entriesOf(this.#parts.objects.files(object).indexPath),
      })),
    );
  }

  collect(): Promise<{ removed: number; bytes: number }> {
    return this.#parts.images.collect();
  }

  rewrap(key: string | null): Promise<LayerKeyRewrap> {
    return this.#parts.layerKeys.rewrap(key);
  }

  /** Wrapped DEKs, each with the key version that wraps it. */
  layerKeys(): Promise<readonly StoredLayerKey[]> {
    return this.#parts.layerKeys.list();
  }

  keys(): readonly KeyListing[] {
    return this.#parts.watch.states().map(({ place, state }) => ({ ...place, state }));
  }

  shutdowns(): readonly PendingShutdown[] {
    return this.#parts.revocations.pending();
  }

  /** Takes an image in ahead of its deployment, under the key that the service has now. */
  async import(name: ServiceName, reference: string): Promise<ImportReport> {
    const { spec, uid } = await this.#parts.run.get(name);
    const { project } = name;
    const serviceName = serviceNameOf(name);
    const key = settingsOf(spec.template).encryption?.key ?? null;
    return this.#imports.start({ project, serviceUid: uid, serviceName, key }, reference);
  }

  imports(): readonly ImportReport[] {
    return this.#imports.list();
  }

  stop(): Promise<void> {
    return this.#imports.stop();
  }
}

function imageNotFound(digest: string): RpcError {
  return new RpcError('NOT_FOUND', 'IMAGE_NOT_FOUND', `The vault has no image ${digest} of it.`);
}
