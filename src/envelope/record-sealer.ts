import { type AeadKey, openRecord, sealRecord } from '../crypto/index.ts';
import type { Entropy } from '../runtime/index.ts';
import { RpcError } from '../rpc/index.ts';

/** Where an acknowledgement record is. All of it is associated data: moved, it does not open. */
export interface RecordPlace {
  readonly log: number;
  readonly at: number;
  readonly epoch: number;
  /** The segment kind, 0 .. 255. */
  readonly kind: number;
}

/** Seals what the broker writes about its deliveries, under the store key. */
export interface RecordSealer {
  seal(plaintext: Uint8Array, place: RecordPlace): Uint8Array;
  /** Throws RpcError DATA_LOSS unless it is what was sealed for this very place. */
  open(sealed: Uint8Array, place: RecordPlace): Uint8Array;
}

const domain: Uint8Array = new TextEncoder().encode('sealpost/ack/v1');

export function createRecordSealer(options: {
  /** The store key. */
  readonly key: AeadKey;
  readonly entropy: Entropy;
}): RecordSealer {
  const { key, entropy } = options;
  return {
    seal: (plaintext, place) => sealRecord(key, contextOf(place), plaintext, entropy),
    open(sealed, place) {
      const opened = openRecord(key, contextOf(place), sealed);
      if (opened !== null) return opened;
      const text = `Acknowledgement record ${place.at} of log ${place.log} is damaged.`;
      throw new RpcError('DATA_LOSS', 'ACK_RECORD_TAMPERED', text);
    },
  };
}

/** domain ‖ log u64 ‖ at u64 ‖ epoch u64 ‖ kind u8: all but the constant domain of fixed length. */
function contextOf({ log, at, epoch, kind }: RecordPlace): Uint8Array {
  const bytes = new Uint8Array(domain.length + 25);
  bytes.set(domain);
  const view = new DataView(bytes.buffer, domain.length);
  view.setBigUint64(0, BigInt(log));
  view.setBigUint64(8, BigInt(at));
  view.setBigUint64(16, BigInt(epoch));
  view.setUint8(24, kind);
  return bytes;
}
