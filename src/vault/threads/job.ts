import { RpcError } from '../../rpc/index.ts';
import type { LayerLimits } from '../layers/layer-entry.ts';
import type { ExpectedLayer, LayerSecret, LayerTarget } from '../layers/layer-intake.ts';
import type { StoredLayerPlace } from '../layers/stored-layer.ts';

/** Takes in a layer whose blob follows as messages. */
export interface TakeJob {
  readonly kind: 'take';
  readonly secret: LayerSecret;
  readonly expected: ExpectedLayer;
  readonly target: LayerTarget;
  readonly limits: LayerLimits;
}

/** Checks that the layers fit each other, and says how large their tree is. */
export interface SurveyJob {
  readonly kind: 'survey';
  readonly secret: LayerSecret;
  readonly layers: readonly StoredLayerPlace[];
}

export interface Survey {
  /** Of the tree in memory. */
  readonly bytes: number;
  readonly layers: readonly { readonly tarBytes: number; readonly entries: number }[];
}

/** Lays the tree of the layers out. */
export interface LayOutJob {
  readonly kind: 'lay-out';
  readonly secret: LayerSecret;
  readonly layers: readonly StoredLayerPlace[];
  readonly root: string;
  readonly idOffset: number | null;
  readonly bytesMax: number;
}

export interface LaidOut {
  readonly bytes: number;
  readonly openMs: number;
  readonly applyMs: number;
}

/** Opens every chunk of the layers. */
export interface ExamineJob {
  readonly kind: 'examine';
  readonly secret: LayerSecret;
  readonly layers: readonly StoredLayerPlace[];
}

export interface Examined {
  readonly chunks: number;
  /** Of the objects that are whole, as stored. */
  readonly bytes: number;
  readonly damaged: readonly { readonly diffId: string; readonly problem: string }[];
}

export interface VaultJobs {
  readonly take: { readonly job: TakeJob; readonly result: { tarBytes: number; entries: number } };
  readonly survey: { readonly job: SurveyJob; readonly result: Survey };
  readonly 'lay-out': { readonly job: LayOutJob; readonly result: LaidOut };
  readonly examine: { readonly job: ExamineJob; readonly result: Examined };
}

export type VaultJob = VaultJobs[keyof VaultJobs]['job'];

/**
 * To a job under way: the next bytes of its blob, the first `length` of a slab that moves with them,
 * its end, or that somebody asked it to stop.
 */
export type JobInput =
  | { readonly kind: 'bytes'; readonly slab: Slab; readonly length: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'stop' };

/** Memory that goes to and fro: each piece in memory of its own would wait for two collectors. */
export type Slab = Uint8Array<ArrayBuffer>;

/** From a job. `consumed` gives a slab back. `failed` with a null code is a LayerRefusal, else an RpcError. */
export type JobOutput =
  | { readonly kind: 'consumed'; readonly slab: Slab }
  | { readonly kind: 'done'; readonly result: unknown }
  | {
      readonly kind: 'failed';
      readonly code: string | null;
      readonly reason: string;
      readonly message: string;
    };

/** Whether somebody asked a job to stop; seen even while it never waits. */
export class StopFlag {
  readonly cell: Int32Array<SharedArrayBuffer>;

  constructor(cell: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(4))) {
    this.cell = cell;
  }

  set(): void {
    Atomics.store(this.cell, 0, 1);
  }

  /** @throws JobStopped once it was set */
  check(): void {
    if (Atomics.load(this.cell, 0) !== 0) throw new JobStopped();
  }
}

export class JobStopped extends Error {
  override name = 'JobStopped';

  constructor() {
    super('the job was asked to stop');
  }
}

/** What whoever aborted an import or an opening is told. */
export function workStopped(): RpcError {
  return new RpcError('CANCELLED', 'IMAGE_WORK_STOPPED', 'The work on the image was stopped.');
}
