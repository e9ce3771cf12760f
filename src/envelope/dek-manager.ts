import type { SuiteProviders } from '../crypto/index.ts';
import type { KeyChange, KeyService } from '../kms/index.ts';
import {
  assert,
  type Clock,
  type Entropy,
  type Failpoints,
  type Logger,
} from '../runtime/index.ts';
import type { KeyStore } from '../storage/index.ts';
import type {
  Dek,
  DekEvent,
  DekManager,
  RewrapOrder,
  RewrapOutcome,
  SealedTopic,
  StoredDek,
} from './dek.ts';
import { type DekContext, pause } from './deks/dek-context.ts';
import { coldRetryMs, type DekCaps, dekCaps, resyncsMax } from './deks/dek-limits.ts';
import { type ErasureJournal, noJournal } from './deks/dek-receipt.ts';
import { isUnreachable, topicGone } from './deks/dek-refusal.ts';
import { type DekRow, dekRowPrefix } from './deks/dek-row.ts';
import { DekRows, type SpentDek } from './deks/dek-rows.ts';
import { TopicDeks, touches } from './deks/dek-topic.ts';
import { probeKey, rewrapDek } from './deks/dek-wrapping.ts';
import { Resyncs } from './deks/resyncs.ts';
import { type DekObserver, silentDekObserver } from './observer.ts';

export interface DekManagerOptions {
  readonly keys: KeyService;
  /** The environment of the keys; the caller closes it after the manager. */
  readonly rows: KeyStore;
  readonly providers: SuiteProviders;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly failpoints: Failpoints;
  readonly observer?: DekObserver;
  /** What one DEK may seal; the default is 2^32 segments or 2^40 bytes. */
  readonly caps?: DekCaps;
  /** Where receipts of erased DEKs go; nowhere unless given. */
  readonly journal?: ErasureJournal;
  /** `google`: `keys` is a SlowKeyService, and topics are as slow. Instant unless given. */
  readonly propagation?: 'instant' | 'google';
}

/** Opens the DEKs that `rows` holds, and finishes an erasure that a crash interrupted. */
export async function openDekManager(options: DekManagerOptions): Promise<DekManager> {
  const { clock, log, failpoints, journal = noJournal } = options;
  const rows = new DekRows({ store: options.rows, clock, log, failpoints, journal });
  await rows.resume();
  return new CachingDekManager({
    keys: options.keys,
    rows,
    providers: options.providers,
    clock: options.clock,
    entropy: options.entropy,
    log: options.log,
    failpoints: options.failpoints,
    observer: options.observer ?? silentDekObserver,
    caps: options.caps ?? dekCaps,
    resyncs: new Resyncs(resyncsMax),
    isSlow: options.propagation === 'google',
    isClosed: false,
    cachedCount: 0,
  });
}

/** Finds a topic's DEKs, and passes changes of keys on to the topics that they touch. */
class CachingDekManager implements DekManager {
  readonly #context: DekContext;
  readonly #topics = new Map<string, TopicDeks>();
  /** The same by the object that the broker passes: spares the hot path the hex of the uid. */
  readonly #known = new WeakMap<SealedTopic, TopicDeks>();
  readonly #listeners = new Set<(event: DekEvent) => void>();
  readonly #primaryChanges = new Map<string, number>();
  readonly #stopListening: () => void;

  constructor(context: DekContext) {
    this.#context = context;
    this.#stopListening = context.keys.onChange((change) => this.#keyChanged(change));
  }

  forSeal(topic: SealedTopic): Dek | Promise<Dek> {
    return this.#deksOf(topic).forSeal(this.keyNameOf(topic));
  }

  forPublish(topic: SealedTopic): Dek | Promise<Dek> {
    return this.#deksOf(topic).forPublish(this.keyNameOf(topic));
  }

  forOpen(topic: SealedTopic, version: number): Dek | Promise<Dek> {
    return this.#deksOf(topic).forOpen(version);
  }

  async probe(topic: SealedTopic): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await probeKey(this.#context, topic, this.keyNameOf(topic));
      } catch (error) {
        const waitMs = isUnreachable(error) ? coldRetryMs[attempt] : undefined;
        if (waitMs === undefined) throw error;
        await pause(this.#context.clock, waitMs);
      }
    }
  }

  keyNameOf(topic: SealedTopic): string {
    return topic.kmsKeyName ?? this.#context.keys.defaultKeyName;
  }

  onEvent(listener: (event: DekEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async forget(
    topic: SealedTopic,
    sealedCount: (version: number) => number | null = () => null,
  ): Promise<void> {
    const deks = this.#topics.get(dekRowPrefix(topic.uid));
    await deks?.close('forgotten');
    await this.#context.rows.removeAll(topic, sealedCount);
    this.#topics.delete(dekRowPrefix(topic.uid));
  }

  async wrappedBy(name: string | null): Promise<StoredDek[]> {
    const found: StoredDek[] = [];
    for await (const row of this.#context.rows.all(null)) {
      if (name === null || isWrappedBy(row, name)) found.push(storedDek(row));
    }
    return found;
  }

  async storedOf(topic: SealedTopic): Promise<StoredDek[]> {
    const found: StoredDek[] = [];
    for await (const row of this.#context.rows.all(topic)) found.push(storedDek(row));
    return found;
  }

  async erase(topic: SealedTopic, spent: readonly SpentDek[]): Promise<readonly number[]> {
    const deks = this.#topics.get(dekRowPrefix(topic.uid));
    const versions = spent.map(({ version }) => version);
    const expelled = new Set(deks?.expel(versions) ?? versions);
    await this.#context.rows.erase(
      topic,
      spent.filter(({ version }) => expelled.has(version)),
    );
    // Also of a topic that was put to work meanwhile.
    await this.#topics.get(dekRowPrefix(topic.uid))?.expelErased([...expelled]);
    return [...expelled];
  }

  async rewrap(topic: SealedTopic, version: number, order: RewrapOrder): Promise<RewrapOutcome> {
    const { rows } = this.#context;
    let primary: string | null = null;
    const replaced = await rows.replace(topic, version, async (row) => {
      const isAsked = isWrappedBy(row, order.from) && row.kekVersionName !== order.primary;
      if (!isAsked) return null;
      const moved = await rewrapDek(this.#context, topic, row, order.keyName);
      primary = moved.kekVersionName;
      return primary === row.kekVersionName ? null : moved;
    });
    if (replaced === null) return { outcome: 'gone', kekVersionName: null, primary };
    const { row, isChanged } = replaced;
    if (isChanged) await this.#topics.get(dekRowPrefix(topic.uid))?.rewrapped(row);
    const outcome = isChanged ? 'moved' : 'kept';
    return { outcome, kekVersionName: row.kekVersionName, primary };
  }

  close(): void {
    this.#context.isClosed = true;
    this.#context.resyncs.clear();
    this.#stopListening();
    this.#context.rows.close();
    for (const deks of this.#topics.values()) void deks.close('forgotten');
    this.#topics.clear();
  }

  #deksOf(topic: SealedTopic): TopicDeks {
    const known = this.#known.get(topic);
    if (known) return known;
    if (this.#context.isClosed) throw topicGone(topic, true);
    assert(topic.uid.length === 16, 'a topic uid has 16 bytes');
    const id = dekRowPrefix(topic.uid);
    const deks = this.#topics.get(id) ?? this.#open(topic);
    this.#topics.set(id, deks);
    this.#known.set(topic, deks);
    return deks;
  }

  #open(topic: SealedTopic): TopicDeks {
    return new TopicDeks(this.#context, topic, {
      primaryChangeMs: (keyName) => this.#primaryChangeMs(keyName),
      tell: (kind) => this.#tell({ topicName: topic.name, topicUid: topic.uid, kind }),
    });
  }

  #tell(event: DekEvent): void {
    this.#context.log.info({ topic: event.topicName, kind: event.kind }, 'DEK access changed');
    for (const listener of this.#listeners) listener(event);
  }

  #keyChanged(change: KeyChange): void {
    if (change.kind === 'primary') {
      this.#primaryChanges.set(change.resource, this.#context.clock.wallMs());
    }
    for (const deks of this.#topics.values()) deks.keyChanged(change);
  }

  #primaryChangeMs(keyName: string): number {
    const times = [...this.#primaryChanges].filter(([resource]) => touches(resource, keyName));
    return Math.max(-Infinity, ...times.map(([, timeMs]) => timeMs));
  }
}

function isWrappedBy(row: DekRow, name: string): boolean {
  return row.kekName === name || row.kekVersionName === name;
}

function storedDek({
  topicUid,
  version,
  kekName,
  kekVersionName,
  createTimeMs,
}: DekRow): StoredDek {
  return { topicUid, version, kekName, kekVersionName, createTimeMs };
}
