import { chmodSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { defaultLayerLimits, LayerRefusal } from '../layers/layer-entry.ts';
import type { LayerSecret } from '../layers/layer-intake.ts';
import { StoredLayer, type StoredLayerPlace } from '../layers/stored-layer.ts';
import type { LaidOut, LayOutJob, StopFlag, Survey, SurveyJob } from '../threads/job.ts';
import { MergedTree, type TreeFile } from './merged-tree.ts';
import { type Planned, planTree, type TreePlan } from './tree-plan.ts';
import { TreeWriter } from './tree-writer.ts';

/**
 * Whether the layers fit each other, and the size of what they make.
 *
 * @throws LayerRefusal
 */
export async function survey(job: SurveyJob): Promise<Survey> {
  return withLayers(job, (layers) => ({
    bytes: planOf(layers).bytes,
    layers: layers.map(({ index }) => ({
      tarBytes: index.tarBytes,
      entries: index.entries.length,
    })),
  }));
}

/**
 * Lays the tree of the layers out below `root`. Every index is authenticated before anything is
 * made, every chunk before a byte of it is written; when this throws there is no root any more.
 */
export async function layOut(job: LayOutJob, stop: StopFlag, clock: Clock): Promise<LaidOut> {
  const startMs = clock.monotonicMs();
  return withLayers(job, (layers) => {
    const plan = planOf(layers);
    checkRoom(plan.bytes, job.bytesMax);
    prepareRoot(job.root);
    const times = { openMs: clock.monotonicMs() - startMs, applyMs: 0 };
    try {
      const opening = new TreeOpening(new TreeWriter(job.root, job.idOffset), stop, clock);
      opening.perform(plan, layers);
      times.openMs += opening.openMs;
    } catch (error) {
      rmSync(job.root, { recursive: true, force: true });
      throw error;
    }
    times.applyMs = clock.monotonicMs() - startMs - times.openMs;
    return { bytes: plan.bytes, ...times };
  });
}

class TreeOpening {
  readonly #writer: TreeWriter;
  readonly #stop: StopFlag;
  readonly #clock: Clock;
  /** Time in which chunks were read and opened. */
  openMs = 0;

  constructor(writer: TreeWriter, stop: StopFlag, clock: Clock) {
    this.#writer = writer;
    this.#stop = stop;
    this.#clock = clock;
  }

  perform(plan: TreePlan, layers: readonly StoredLayer[]): void {
    const writer = this.#writer;
    writer.makeDirectories(plan);
    for (const [index, files] of plan.files.entries()) {
      for (const file of files) this.#file(file, layers[index]!);
    }
    for (const symlink of plan.symlinks) writer.makeSymlink(symlink);
    this.#stop.check();
    writer.makeLinks(plan);
    writer.finishDirectories(plan);
    this.#stop.check();
  }

  #file(planned: Planned<TreeFile>, layer: StoredLayer): void {
    const { node } = planned;
    const file = this.#writer.createFile(planned);
    const pieces = layer.read(node.offset, node.size);
    try {
      for (let piece = this.#next(pieces); piece !== null; piece = this.#next(pieces)) {
        this.#writer.write(file, piece);
      }
      this.#writer.finishFile(file, node);
    } finally {
      this.#writer.close(file);
    }
  }

  #next(pieces: Generator<Uint8Array>): Uint8Array | null {
    this.#stop.check();
    const startMs = this.#clock.monotonicMs();
    const { done, value } = pieces.next();
    this.openMs += this.#clock.monotonicMs() - startMs;
    return done === true ? null : value;
  }
}

function planOf(layers: readonly StoredLayer[]): TreePlan {
  const tree = new MergedTree();
  for (const [at, { index }] of layers.entries()) tree.apply(at, index.entries);
  return planTree(tree, layers.length);
}

async function withLayers<Result>(
  job: { readonly secret: LayerSecret; readonly layers: readonly StoredLayerPlace[] },
  use: (layers: readonly StoredLayer[]) => Result,
): Promise<Result> {
  checkIndexes(job.layers);
  const layers: StoredLayer[] = [];
  try {
    for (const place of job.layers) layers.push(await StoredLayer.open(place, job.secret));
    return use(layers);
  } finally {
    for (const layer of layers) layer.close();
  }
}

/** All of them are in memory at a time, and one layer may be named often: an image has as much as one. */
function checkIndexes(layers: readonly StoredLayerPlace[]): void {
  let bytes = 0;
  for (const { indexPath } of layers) {
    bytes += statSync(indexPath, { throwIfNoEntry: false })?.size ?? 0;
  }
  if (layers.length < 2 || bytes <= defaultLayerLimits.indexBytesMax) return;
  throw new LayerRefusal('its names are too many to keep');
}

function checkRoom(bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return;
  const text = `The image takes ${bytes} bytes of memory, and ${bytesMax} are allowed.`;
  throw new RpcError('RESOURCE_EXHAUSTED', 'IMAGE_TOO_LARGE', text);
}

function prepareRoot(root: string): void {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  if (readdirSync(root).length > 0) throw new Error('a tree is laid out in an empty folder only');
  chmodSync(root, 0o700);
}
