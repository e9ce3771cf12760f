import { keyBytes, wipe } from '../../crypto/index.ts';
import {
  type DecryptResponse,
  type KeyCaller,
  type KeyService,
  serviceMember,
} from '../../kms/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { type Clock, draw, type Entropy } from '../../runtime/index.ts';
import { withCallDeadline } from '../call-deadline.ts';
import { commitmentMismatch } from '../deks/dek-refusal.ts';
import { keyPurposes } from './key-purposes.ts';
import {
  isLayerKeyCommitted,
  layerKeyCommitment,
  type LayerKeyRow,
  layerWrapAssociatedData,
} from './layer-key-row.ts';
import type { LayerKey, LayerKeyObserver, LayerKeyPlace, LayerKeyUse } from './layer-key.ts';

/**
 * Where a vault's DEKs meet the key service: the only place that has them unwrapped. They are zeroed
 * on every way out, but for the one that hands a LayerKey over.
 */
export interface LayerWrapPorts {
  readonly keys: KeyService;
  readonly clock: Clock;
  readonly observer: LayerKeyObserver;
}

/** A DEK unwrapped, and the CryptoKeyVersion that did it; its CryptoKey where that is not said. */
export interface UnwrappedLayerKey {
  readonly key: LayerKey;
  readonly unwrappedBy: string;
}

/** Draws a DEK and wraps it. It must not seal before its row is durable. */
export async function wrapNewLayerKey(
  ports: LayerWrapPorts & { readonly entropy: Entropy },
  place: LayerKeyPlace,
): Promise<{ readonly row: LayerKeyRow; readonly key: LayerKey }> {
  const key = new OwnedLayerKey(draw(ports.entropy, 16), draw(ports.entropy, keyBytes));
  const keyName = place.key ?? ports.keys.defaultKeyName;
  const createdMs = ports.clock.wallMs();
  try {
    const made = { id: key.id, createdMs, rewrappedMs: null, place, keyName };
    const row = await wrapped(ports, made, key.bytes, 'wrap');
    return { row, key };
  } catch (error) {
    key.wipe();
    throw error;
  }
}

/** Throws what the key service throws, or DATA_LOSS if its answer is not the DEK of this row. */
export async function unwrapLayerKey(
  ports: LayerWrapPorts,
  row: LayerKeyRow,
  use: LayerKeyUse,
): Promise<UnwrappedLayerKey> {
  const { plaintext, name: unwrappedBy } = await decrypt(ports, row, use);
  try {
    if (!isLayerKeyCommitted(plaintext, row)) throw commitmentMismatch(row.keyName, nameOf(row));
    return { key: new OwnedLayerKey(row.id.slice(), Uint8Array.from(plaintext)), unwrappedBy };
  } finally {
    wipe(plaintext);
  }
}

/** The row with its DEK wrapped anew by the key's primary version, and proven to unwrap. */
export async function rewrapLayerKey(
  ports: LayerWrapPorts,
  row: LayerKeyRow,
): Promise<LayerKeyRow> {
  const { key } = await unwrapLayerKey(ports, row, 'rewrap');
  try {
    const rewrappedMs = ports.clock.wallMs();
    const moved = await wrapped(ports, { ...row, rewrappedMs }, key.bytes, 'rewrap');
    if (moved.keyVersion === row.keyVersion) return row;
    (await unwrapLayerKey(ports, moved, 'rewrap')).key.wipe();
    return moved;
  } finally {
    key.wipe();
  }
}

/** A DEK's row is absent, or not what was written there. */
export function layerKeyDamaged({ serviceName }: LayerKeyPlace, cause?: unknown): RpcError {
  const text = `The data encryption key of ${serviceName} is missing or damaged.`;
  return new RpcError('DATA_LOSS', 'DEK_ROW_DAMAGED', text, { cause });
}

/** In an ArrayBuffer of its own, so that it can be moved to a worker. */
class OwnedLayerKey implements LayerKey {
  readonly id: Uint8Array;
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(id: Uint8Array, bytes: Uint8Array) {
    this.id = id;
    this.bytes = bytes as Uint8Array<ArrayBuffer>;
  }

  wipe(): void {
    if (!this.bytes.buffer.detached) wipe(this.bytes);
  }
}

async function wrapped(
  ports: LayerWrapPorts,
  row: Omit<LayerKeyRow, 'keyVersion' | 'commitment' | 'wrapped'>,
  dek: Uint8Array,
  use: LayerKeyUse,
): Promise<LayerKeyRow> {
  const additionalAuthenticatedData = layerWrapAssociatedData(row.place, row.id);
  const request = { name: row.keyName, plaintext: dek, additionalAuthenticatedData };
  const { name: keyVersion, ciphertext } = await call(ports, row, use, (caller) =>
    ports.keys.encrypt(request, caller),
  );
  const { id, createdMs, rewrappedMs, place, keyName } = row;
  const clear = { id, createdMs, rewrappedMs, place, keyName, keyVersion };
  const commitment = layerKeyCommitment(dek, clear);
  return { ...clear, commitment, wrapped: Uint8Array.from(ciphertext) };
}

async function decrypt(
  ports: LayerWrapPorts,
  row: LayerKeyRow,
  use: LayerKeyUse,
): Promise<DecryptResponse> {
  const additionalAuthenticatedData = layerWrapAssociatedData(row.place, row.id);
  const request = { name: row.keyName, ciphertext: row.wrapped, additionalAuthenticatedData };
  const ask = (caller: KeyCaller): Promise<DecryptResponse> => ports.keys.decrypt(request, caller);
  try {
    // An answer that comes after its deadline is wiped by nobody else.
    return await call(ports, row, use, ask, ({ plaintext }) => wipe(plaintext));
  } catch (error) {
    // No ciphertext of its key, says the key service: it was one when it was stored.
    const isChanged = RpcError.from(error).code === 'INVALID_ARGUMENT';
    throw isChanged ? layerKeyDamaged(row.place, error) : error;
  }
}

type Asked = Pick<LayerKeyRow, 'place' | 'keyName'>;

/** One observed call with a deadline. */
async function call<Answer>(
  ports: LayerWrapPorts,
  row: Asked,
  use: LayerKeyUse,
  run: (caller: KeyCaller) => Promise<Answer>,
  onLate: (answer: Answer) => void = () => undefined,
): Promise<Answer> {
  const { clock, observer } = ports;
  const startMs = clock.monotonicMs();
  const observe = (code: string): void =>
    observer.keyCall(use, code, clock.monotonicMs() - startMs);
  try {
    const ask = async (): Promise<Answer> => run(await callerFor(ports, row, use));
    const answer = await withCallDeadline(clock, ask(), onLate);
    observe('OK');
    return answer;
  } catch (error) {
    observe(RpcError.from(error).code);
    throw error;
  }
}

/** The default key is used as the service, unless it was claimed by name. */
async function callerFor(
  { keys }: LayerWrapPorts,
  { place, keyName }: Asked,
  use: LayerKeyUse,
): Promise<KeyCaller> {
  const isOwn = place.key === null && keyName === keys.defaultKeyName;
  const member = isOwn ? serviceMember : await keys.runServiceAgent(place.project);
  const resource = place.serviceName;
  if (use === 'rewrap' || use === 'verify') {
    return { member, reason: 'GOOGLE_INITIATED_SYSTEM_OPERATION', resource };
  }
  return { member, reason: 'CUSTOMER_INITIATED_ACCESS', resource, purpose: keyPurposes[use] };
}

function nameOf({ place }: LayerKeyRow): { readonly name: string } {
  return { name: place.serviceName };
}
