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
import type { Dek, DekEvent, DekManager, SealedTopic } from './dek.ts';
import { type DekContext, pause } from './deks/dek-context.ts';
import { coldRetryMs, type DekCaps, dekCaps } from './deks/dek-limits.ts';
import { isUnreachable, topicGone } from './deks/dek-refusal.ts';
import { dekRowPrefix } from './deks/dek-row.ts';
import { DekRows } from './deks/dek-rows.ts';
import { TopicDeks, touches } from './deks/dek-topic.ts';
import { probeKey } from './deks/dek-wrapping.ts';
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
}

/** Opens the DEKs that `rows` holds, and finishes an erasure that a crash interrupted. */
export async function openDekManager(options: DekManagerOptions): Promise<DekManager> {
  const rows = new DekRows(options.rows, options.clock, options.log);
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

  async forget(topic: SealedTopic): Promise<void> {
    const deks = this.#topics.get(dekRowPrefix(topic.uid));
    await deks?.close('forgotten');
    await this.#context.rows.removeAll(topic);
    this.#topics.delete(dekRowPrefix(topic.uid));
  }

  close(): void {
    this.#context.isClosed = true;
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
