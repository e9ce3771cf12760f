import type { LayerKey, LayerKeys } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Verifiable, VerificationSink } from '../../verification/index.ts';
import type { StoredImage } from '../images/image-vault.ts';
import type { OpenImageVault } from '../images/open-image-vault.ts';

export interface LayerVerifiableParts {
  readonly images: Pick<OpenImageVault, 'list' | 'verifyImage'>;
  readonly keys: Pick<LayerKeys, 'forVerification'>;
}

/** Every chunk of every image's layers, opened with its key: one unwrap for each image. */
export function layerVerifiable({ images, keys }: LayerVerifiableParts): Verifiable {
  return {
    part: 'vault-layers',
    async verify(sink, signal) {
      const all = await images.list();
      sink.expect(all.reduce((sum, { layers }) => sum + layers.length, 0));
      for (const image of all) {
        if (signal.aborted) return;
        const key = await keyOf(image, keys, sink);
        if (key === null) continue;
        const { bytes, damaged } = await images.verifyImage(image, key, signal);
        if (signal.aborted) return;
        for (const { diffId, problem } of damaged) {
          sink.damaged(`layer ${diffId} of ${image.owner.serviceName}`, problem);
        }
        sink.passed(image.layers.length - damaged.length, bytes);
      }
    },
  };
}

/** Null if it cannot be had, which was told. */
async function keyOf(
  { owner, layers }: StoredImage,
  keys: Pick<LayerKeys, 'forVerification'>,
  sink: VerificationSink,
): Promise<LayerKey | null> {
  try {
    return await keys.forVerification(owner);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    if (error.code === 'DATA_LOSS') sink.damaged(`DEK of ${owner.serviceName}`, error.message);
    sink.unread(layers.length, owner.serviceName, error.message);
    return null;
  }
}
