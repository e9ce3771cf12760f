import { stat } from 'node:fs/promises';
import { layerHeaderBytes } from '../../envelope/layers/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { MetaRow, MetaStore } from '../../storage/index.ts';
import type { Verifiable, VerificationSink } from '../../verification/index.ts';
import { readLayerIndex } from '../layers/layer-index.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { decodeImageRow, imagePrefix } from './image-rows.ts';
import type { ImageLayer } from './image-vault.ts';

export interface ImageVerifiableOptions {
  /** The rows as they are stored, so that one which does not open does not hide those beside it. */
  readonly rows: MetaStore;
  /** The same, opened. */
  readonly meta: MetaStore;
  readonly objects: Pick<ObjectStore, 'files'>;
  readonly clock: Clock;
}

const pageRows = 50;
const chunkBytes = 65_536;
const tagBytes = 16;

/**
 * Records of images, and that the layers which they name are here as they were sealed, as far as
 * that is seen without their key: presence, exact sizes, and an index that says the same. To open
 * a chunk takes the owner's key, and is what each start does.
 */
export function imageVerifiable(options: ImageVerifiableOptions): Verifiable {
  return {
    part: 'vault-images',
    async verify(sink, signal) {
      let page: MetaRow[] = [];
      do {
        const after = page.at(-1)?.key;
        const from = after === undefined ? {} : { after };
        page = await options.rows.list(imagePrefix, { ...from, limit: pageRows });
        for (const row of page) {
          if (!signal.aborted) await verifyRow(options, row, sink);
          await new Promise<void>((resolve) => options.clock.soon(resolve));
        }
      } while (page.length === pageRows && !signal.aborted);
    },
  };
}

async function verifyRow(
  { meta, objects }: ImageVerifiableOptions,
  { key, value }: MetaRow,
  sink: VerificationSink,
): Promise<void> {
  sink.expect(1);
  const layers = await layersOf(meta, key, sink);
  if (layers === null) return;
  sink.passed(1, value.length);
  sink.expect(layers.length);
  for (const layer of layers) {
    const { dataPath, indexPath } = objects.files(layer.object);
    try {
      sink.passed(1, await verifyLayer(layer, dataPath, indexPath));
    } catch (error) {
      sink.damaged(`layer ${layer.object}`, problemOf(error));
    }
  }
}

/** Null: the row was told of, or is gone. */
async function layersOf(
  meta: MetaStore,
  key: string,
  sink: VerificationSink,
): Promise<readonly ImageLayer[] | null> {
  try {
    const row = await meta.get(key);
    if (row !== null) return decodeImageRow(row).image.layers;
    sink.expect(-1);
  } catch (error) {
    sink.damaged(`row ${key}`, problemOf(error));
  }
  return null;
}

/** Stored bytes of the layer. */
async function verifyLayer(
  { diffId, size, entries }: ImageLayer,
  dataPath: string,
  indexPath: string,
): Promise<number> {
  const chunkCount = Math.max(1, Math.ceil(size / chunkBytes));
  const bytes = layerHeaderBytes + size + chunkCount * tagBytes;
  if ((await stat(dataPath)).size !== bytes) throw new Error('the layer has another size');
  const index = await readLayerIndex(indexPath);
  const isSame =
    index.diffId === diffId &&
    index.tarBytes === size &&
    index.chunkCount === chunkCount &&
    index.entries.length === entries;
  if (!isSame) throw new Error('the index is of another layer');
  return bytes + (await stat(indexPath)).size;
}

function problemOf(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'a file of it is missing';
  return error instanceof RpcError || error instanceof Error ? error.message : String(error);
}
