import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { RpcError } from '../../rpc/index.ts';
import type { LayerSecret } from '../layers/layer-intake.ts';
import { StoredLayer, type StoredLayerPlace } from '../layers/stored-layer.ts';
import type { ExamineJob, Examined, StopFlag } from '../threads/job.ts';

/** Opens every chunk of every layer, and hashes it: damage is counted, not thrown. */
export async function examineLayers(job: ExamineJob, stop: StopFlag): Promise<Examined> {
  const damaged: { diffId: string; problem: string }[] = [];
  let chunks = 0;
  let bytes = 0;
  for (const place of job.layers) {
    try {
      chunks += await examine(place, job.secret, stop);
      bytes += statSync(place.dataPath).size + statSync(place.indexPath).size;
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== 'DATA_LOSS') throw error;
      damaged.push({ diffId: place.diffId, problem: error.message });
    }
  }
  return { chunks, bytes, damaged };
}

async function examine(
  place: StoredLayerPlace,
  secret: LayerSecret,
  stop: StopFlag,
): Promise<number> {
  const layer = await StoredLayer.open(place, secret);
  try {
    const hash = createHash('sha256');
    for (let index = 0; index < layer.chunkCount; index++) {
      stop.check();
      hash.update(layer.chunk(index));
    }
    if (`sha256:${hash.digest('hex')}` === place.diffId) return layer.chunkCount;
    const text = 'A stored image layer was changed: it is not what its diff_id names.';
    throw new RpcError('DATA_LOSS', 'LAYER_TAMPERED', text);
  } finally {
    layer.close();
  }
}
