import type { LayerKey } from '../../envelope/index.ts';
import type { RpcError } from '../../rpc/index.ts';
import { type LayerLimits, LayerRefusal } from '../layers/layer-entry.ts';
import { isDiffId } from '../layers/layer-intake.ts';
import type { StoredLayerPlace } from '../layers/stored-layer.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { imageInvalid } from '../registry/image-errors.ts';
import type { Descriptor, ImageSource, ResolvedImage } from '../registry/image-source.ts';
import type { Survey, SurveyJob, TakeJob } from '../threads/job.ts';
import type { JobThreads } from '../threads/job-threads.ts';
import type { ImageLayer, ImportProgress } from './image-vault.ts';
import { secretCopy } from './job-secret.ts';
import { feedLayer } from './layer-feed.ts';

export interface IntakePorts {
  readonly objects: ObjectStore;
  readonly threads: JobThreads;
  readonly limits: LayerLimits;
}

/** One import: what it takes from where, and who is told. */
export interface IntakeOrder {
  readonly source: ImageSource;
  readonly resolved: ResolvedImage;
  readonly key: LayerKey;
  readonly progress: (event: ImportProgress) => void;
  readonly signal: AbortSignal;
}

export interface TakenImage {
  readonly layers: readonly ImageLayer[];
  readonly unpackedBytes: number;
  /** Bytes of the tars that were taken in, and of those that were here. */
  readonly newBytes: number;
  readonly presentBytes: number;
}

/** An image may have as many layers as no builder makes. */
const layersMax = 512;
/** Progress is told after so many bytes. */
const progressBytes = 1_048_576;

/** Brings the layers of one image into the object store. */
export class ImageIntake {
  readonly #ports: IntakePorts;
  readonly #order: IntakeOrder;
  /** Names that a collection must spare: no record needs them yet. */
  readonly names: readonly string[];
  readonly #isPresent: boolean[] = [];
  #tarBytes = 0;

  constructor(ports: IntakePorts, order: IntakeOrder) {
    this.#ports = ports;
    this.#order = order;
    const { diffIds } = order.resolved.config;
    if (diffIds.length !== order.resolved.layers.length || diffIds.length > layersMax) {
      throw this.#refused(`it has ${diffIds.length} layers`);
    }
    this.names = diffIds.map((diffId) => this.#nameOf(diffId));
  }

  /** Layers that are here are not fetched again: an import that ended early goes on so. */
  async take(): Promise<TakenImage> {
    const { config, layers } = this.#order.resolved;
    for (const [index, descriptor] of layers.entries()) {
      await this.#layer(index, config.diffIds[index]!, descriptor);
    }
    const { bytes: unpackedBytes, layers: sizes } = await this.#survey();
    const stored = config.diffIds.map((diffId, index) => {
      const { tarBytes: size, entries } = sizes[index]!;
      return { diffId, object: this.names[index]!, size, entries };
    });
    const presentBytes = stored.reduce(
      (sum, { size }, index) => (this.#isPresent[index] === true ? sum + size : sum),
      0,
    );
    return { layers: stored, unpackedBytes, newBytes: this.#tarBytes, presentBytes };
  }

  async #layer(index: number, diffId: string, descriptor: Descriptor): Promise<void> {
    const { progress, resolved } = this.#order;
    const of = resolved.layers.length;
    const isPresent = await this.#ports.objects.has(this.names[index]!);
    this.#isPresent.push(isPresent);
    progress({ kind: 'layer', index, of, state: isPresent ? 'present' : 'started' });
    if (isPresent) return;
    try {
      await this.#fetch(index, diffId, descriptor);
    } catch (error) {
      if (!(error instanceof LayerRefusal)) throw error;
      throw this.#refused(`layer ${index + 1} of ${of}: ${error.message}`);
    }
    progress({ kind: 'layer', index, of, state: 'stored' });
  }

  async #fetch(index: number, diffId: string, descriptor: Descriptor): Promise<void> {
    const { objects, threads, limits } = this.#ports;
    const { source, key, signal } = this.#order;
    const staged = await objects.stage(this.names[index]!);
    try {
      const blob = await source.open(descriptor, 0, signal);
      const { digest, size } = descriptor;
      const job: TakeJob = {
        kind: 'take',
        secret: secretCopy(key),
        expected: { digest, size, diffId },
        target: { dataPath: staged.dataPath, indexPath: staged.indexPath },
        limits: { ...limits, tarBytesMax: limits.tarBytesMax - this.#tarBytes },
      };
      const running = threads.run<'take'>(job, signal);
      await feedLayer(blob, running, this.#progressOf(index, size));
      this.#tarBytes += (await running.result).tarBytes;
      await objects.publish(staged);
    } catch (error) {
      await objects.abandon(staged);
      throw error;
    }
  }

  #progressOf(index: number, total: number): (done: number) => void {
    let told = 0;
    return (done) => {
      if (done - told < progressBytes && done < total) return;
      told = done;
      this.#order.progress({ kind: 'bytes', index, done, total });
    };
  }

  async #survey(): Promise<Survey> {
    const { objects, threads } = this.#ports;
    const { resolved, key, signal } = this.#order;
    const layers = resolved.config.diffIds.map((diffId, index): StoredLayerPlace => {
      const { dataPath, indexPath } = objects.files(this.names[index]!);
      return { diffId, dataPath, indexPath };
    });
    const job: SurveyJob = { kind: 'survey', secret: secretCopy(key), layers };
    try {
      return await threads.run<'survey'>(job, signal).result;
    } catch (error) {
      if (!(error instanceof LayerRefusal)) throw error;
      throw this.#refused(`its layers do not fit each other: ${error.message}`);
    }
  }

  #nameOf(diffId: string): string {
    const { key } = this.#order;
    if (isDiffId(diffId)) return this.#ports.objects.nameOf(key, diffId);
    throw this.#refused('its config has a diff_id of no known form');
  }

  #refused(why: string): RpcError {
    return imageInvalid(this.#order.source.reference, why);
  }
}
