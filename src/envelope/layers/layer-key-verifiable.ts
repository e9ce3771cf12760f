import { RpcError } from '../../rpc/index.ts';
import type { KeyStore, MetaRow } from '../../storage/index.ts';
import type { Verifiable, VerificationSink } from '../../verification/index.ts';
import { decodeLayerKeyRow, isLayerKeyRowAt, layerKeyPrefix } from './layer-key-row.ts';
import { layerKeyErasure } from './layer-key-rows.ts';
import { type LayerWrapPorts, unwrapLayerKey } from './layer-key-wrapping.ts';

export interface LayerKeyVerifiableOptions extends LayerWrapPorts {
  /** The environment of the keys. */
  readonly rows: KeyStore;
}

/** What the keys of the rows begin with that this part looks at. */
export const layerKeyPrefixes: readonly string[] = [layerKeyPrefix, layerKeyErasure];

const pageRows = 50;
const attemptsMax = 5;

/** Null: all is well. */
type Fault = { readonly kind: 'damaged' | 'unread'; readonly text: string } | null;

/**
 * The vault's DEKs. Each row decodes, is where it belongs, and unwraps to what its commitment says
 * by the very version that it names. What a key forbids is unread. A row that is gone is not missed
 * here, but by the layers that it sealed.
 */
export function layerKeyVerifiable(options: LayerKeyVerifiableOptions): Verifiable {
  return {
    part: 'vault-deks',
    async verify(sink, signal) {
      for (const prefix of layerKeyPrefixes) await verifyRows(options, prefix, sink, signal);
    },
  };
}

async function verifyRows(
  options: LayerKeyVerifiableOptions,
  prefix: string,
  sink: VerificationSink,
  signal: AbortSignal,
): Promise<void> {
  const { rows, clock } = options;
  let page: MetaRow[] = [];
  do {
    const after = page.at(-1)?.key;
    const from = after === undefined ? {} : { after };
    page = await rows.list(prefix, { ...from, limit: pageRows });
    sink.expect(page.length);
    for (const { key } of page) await verifyRow(options, key, sink);
    await new Promise<void>((resolve) => clock.soon(resolve));
  } while (page.length === pageRows && !signal.aborted);
}

/** A row that changes meanwhile is looked at again: it is being rewrapped, or shredded. */
async function verifyRow(
  options: LayerKeyVerifiableOptions,
  key: string,
  sink: VerificationSink,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const stored = await options.rows.get(key);
    if (stored === null) return sink.expect(-1);
    const fault = await faultOf(options, stored);
    if (fault === null) return sink.passed(1, stored.value.length);
    const isStill = (await options.rows.get(key))?.version === stored.version;
    if (!isStill && attempt < attemptsMax) continue;
    if (fault.kind === 'damaged') sink.damaged(key, fault.text);
    else sink.unread(1, key, fault.text);
    return;
  }
}

async function faultOf(
  options: LayerKeyVerifiableOptions,
  { key, value }: MetaRow,
): Promise<Fault> {
  if (key.startsWith(layerKeyErasure)) {
    const isMarker = key === layerKeyErasure && value.length === 1 && value[0] === 1;
    return isMarker ? null : damage('no such row is ever written');
  }
  const row = decodeLayerKeyRow(value);
  if (row === null) return damage('it is no wrapped DEK');
  if (!isLayerKeyRowAt(row, key)) return damage('it belongs elsewhere');
  try {
    const unwrapped = await unwrapLayerKey(options, row, 'verify');
    unwrapped.key.wipe();
    const by = unwrapped.unwrappedBy;
    const fits = by === row.keyVersion || by === row.keyName;
    return fits ? null : damage(`${by} wrapped it, not ${row.keyVersion}`);
  } catch (error) {
    return faultOfError(error);
  }
}

const damage = (text: string): Fault => ({ kind: 'damaged', text });

function faultOfError(error: unknown): Fault {
  const { code, message } = RpcError.from(error);
  return { kind: code === 'DATA_LOSS' ? 'damaged' : 'unread', text: message };
}
