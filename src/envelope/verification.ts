import { wipe } from '../crypto/index.ts';
import { RpcError } from '../rpc/index.ts';
import type { KeyStore, MetaRow } from '../storage/index.ts';
import type { Verifiable, VerificationSink } from '../verification/index.ts';
import type { SealedTopic } from './dek.ts';
import { decodeReceipt, receiptPrefix } from './deks/dek-receipt.ts';
import { decodeDekRow, dekRowKey, type DekRow } from './deks/dek-row.ts';
import { unwrapDek, type UnwrapPorts } from './deks/dek-wrapping.ts';
import { erasureKey } from './deks/erasure.ts';
import { type StoreKeyOptions, wrappedStoreKey } from './store-key.ts';

export interface DekVerifiableOptions extends UnwrapPorts {
  readonly rows: KeyStore;
  readonly rootKey: Pick<StoreKeyOptions['rootKey'], 'unwrapKey'>;
  /** Every topic of which something may be stored, deleted ones that are still read included. */
  readonly topics: () => readonly SealedTopic[];
}

/** What the keys of the rows begin with that this part looks at. */
export const dekPrefixes: readonly string[] = [
  'dek/',
  receiptPrefix,
  erasureKey,
  wrappedStoreKey.prefix,
];

const pageRows = 50;
const attemptsMax = 5;

/** Null: all is well. */
type Fault = { readonly kind: 'damaged' | 'unread'; readonly text: string } | null;

const damage = (text: string): Fault => ({ kind: 'damaged', text });

/**
 * DEKs and the store key. Each row decodes, is where it belongs, and unwraps to what its commitment
 * says by the very version that it names. What a key forbids is unread. A row that is gone is not
 * missed here, but by the messages that it sealed.
 */
export function dekVerifiable(options: DekVerifiableOptions): Verifiable {
  return {
    part: 'deks',
    async verify(sink, signal) {
      const walk = new DekWalk(options, sink);
      for (const prefix of dekPrefixes) await walk.run(prefix, signal);
    },
  };
}

class DekWalk {
  readonly #options: DekVerifiableOptions;
  readonly #sink: VerificationSink;
  #topics = new Map<string, SealedTopic>();

  constructor(options: DekVerifiableOptions, sink: VerificationSink) {
    this.#options = options;
    this.#sink = sink;
  }

  async run(prefix: string, signal: AbortSignal): Promise<void> {
    const { rows, clock } = this.#options;
    let page: MetaRow[] = [];
    do {
      const after = page.at(-1)?.key;
      const from = after === undefined ? {} : { after };
      page = await rows.list(prefix, { ...from, limit: pageRows });
      this.#sink.expect(page.length);
      for (const { key } of page) await this.#check(key);
      await new Promise<void>((resolve) => clock.soon(resolve));
    } while (page.length === pageRows && !signal.aborted);
  }

  /** A row that changes meanwhile is looked at again: it is being rewrapped, or erased. */
  async #check(key: string): Promise<void> {
    const { rows } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const row = await rows.get(key);
      if (row === null) return this.#sink.expect(-1);
      const fault = await this.#faultOf(row);
      if (fault === null) return this.#sink.passed(1, row.value.length);
      const isStill = (await rows.get(key))?.version === row.version;
      if (!isStill && attempt < attemptsMax) continue;
      if (fault.kind === 'damaged') this.#sink.damaged(key, fault.text);
      else this.#sink.unread(1, key, fault.text);
      return;
    }
  }

  async #faultOf(row: MetaRow): Promise<Fault> {
    const { key, value } = row;
    if (key.startsWith('dek/')) return await this.#faultOfDek(row);
    if (key.startsWith(receiptPrefix)) return faultOfReceipt(row);
    if (key.startsWith(wrappedStoreKey.prefix)) return this.#faultOfStoreKey(row);
    const isMarker = key === erasureKey && value.length === 1 && value[0] === 1;
    return isMarker ? null : damage('no such row is ever written');
  }

  #faultOfStoreKey(row: MetaRow): Fault {
    const { wrapAt, purpose } = wrappedStoreKey;
    try {
      wipe(this.#options.rootKey.unwrapKey(row.value.subarray(wrapAt), purpose(row)));
      return null;
    } catch (error) {
      return faultOfError(error);
    }
  }

  async #faultOfDek({ key, value }: MetaRow): Promise<Fault> {
    const row = decodeDekRow(value);
    if (row === null) return damage('it is no wrapped DEK');
    if (dekRowKey(row.topicUid, row.version) !== key) return damage('it belongs elsewhere');
    if (!row.kekVersionName.startsWith(`${row.kekName}/cryptoKeyVersions/`)) {
      return damage(`${row.kekVersionName} is no version of ${row.kekName}`);
    }
    const topic = this.#topicOf(row);
    if (topic !== null) return await this.#faultOfWrap(topic, row);
    return { kind: 'unread', text: 'its topic is gone: it waits for its erasure' };
  }

  async #faultOfWrap(topic: SealedTopic, row: DekRow): Promise<Fault> {
    try {
      const reason = 'GOOGLE_INITIATED_SYSTEM_OPERATION';
      const { key, unwrappedBy } = await unwrapDek(this.#options, topic, row, reason);
      key.destroy();
      const fits = unwrappedBy === row.kekVersionName || unwrappedBy === row.kekName;
      return fits ? null : damage(`${unwrappedBy} wrapped it, not ${row.kekVersionName}`);
    } catch (error) {
      return faultOfError(error);
    }
  }

  #topicOf({ topicUid }: DekRow): SealedTopic | null {
    const uid = hex(topicUid);
    if (!this.#topics.has(uid)) {
      this.#topics = new Map(this.#options.topics().map((topic) => [hex(topic.uid), topic]));
    }
    return this.#topics.get(uid) ?? null;
  }
}

function faultOfReceipt({ key, value }: MetaRow): Fault {
  const receipt = decodeReceipt(value);
  if (receipt === null) return damage('it is no receipt');
  const uid = Buffer.from(receipt.topicUid, 'hex');
  const place = dekRowKey(uid, receipt.dekVersion).slice('dek/'.length);
  return key === receiptPrefix + place ? null : damage('it belongs elsewhere');
}

/** A key service that calls the wrapped bytes no ciphertext of its key says that they changed. */
function faultOfError(error: unknown): Fault {
  const { code, message, cause } = RpcError.from(error);
  const asked = cause instanceof RpcError ? cause.code : null;
  if (code === 'DATA_LOSS' || asked === 'INVALID_ARGUMENT') return damage(message);
  if (code === 'FAILED_PRECONDITION') return { kind: 'unread', text: message };
  throw error;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
