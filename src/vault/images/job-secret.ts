import type { LayerKey } from '../../envelope/index.ts';
import type { LayerSecret } from '../layers/layer-intake.ts';

/** A copy of a DEK in memory of its own, for one job: it is moved there, and wiped there. */
export function secretCopy({ id, bytes }: LayerKey): LayerSecret {
  return { key: new Uint8Array(bytes), keyId: new Uint8Array(id) };
}

/** The DEK itself, moved: `key` holds nothing any more. */
export function secretOf({ id, bytes }: LayerKey): LayerSecret {
  return { key: bytes, keyId: new Uint8Array(id) };
}
