import type { KeyChange } from '../../kms/index.ts';
import type { DekEvent, SealedTopic } from '../dek.ts';
import { CachedDek, type CachedDekOwner } from './dek-cached.ts';
import type { DekContext } from './dek-context.ts';
import { DekHandle, DekTally } from './dek-handle.ts';
import type { DekHost } from './dek-maker.ts';
import { topicGone } from './dek-refusal.ts';
import { DekRotation } from './dek-rotation.ts';
import type { DekRow } from './dek-row.ts';
import { DekWatch } from './dek-watch.ts';
import type { EvictionCause } from '../observer.ts';
import { TopicLag } from '../propagation/topic-lag.ts';

/** What a topic's DEKs need of the manager. */
export interface TopicDeksOwner {
  readonly primaryChangeMs: (keyName: string) => number;
  readonly tell: (kind: DekEvent['kind']) => void;
}

/**
 * Whether a change of `resource` (a key, a version of it, a ring, a project) is about `keyName`. An
 * empty one is about every key.
 */
export function touches(resource: string, keyName: string): boolean {
  return (
    resource === '' ||
    keyName === resource ||
    keyName.startsWith(`${resource}/`) ||
    resource.startsWith(`${keyName}/cryptoKeyVersions/`)
  );
}

/** The DEKs of one topic that are in memory: at most one entry per stored version. */
export class TopicDeks implements CachedDekOwner, DekHost {
  readonly topic: SealedTopic;
  generation = 0;
  isClosed = false;
  readonly #context: DekContext;
  readonly #owner: TopicDeksOwner;
  readonly #deks = new Map<number, CachedDek>();
  readonly #reading = new Map<number, Promise<CachedDek>>();
  readonly #rotation: DekRotation;
  readonly #watch: DekWatch;
  readonly #lag: TopicLag | null;

  constructor(context: DekContext, topic: SealedTopic, owner: TopicDeksOwner) {
    this.topic = topic;
    this.#context = context;
    this.#owner = owner;
    this.#rotation = new DekRotation(context, this);
    const lag = context.isSlow ? new TopicLag(context.clock, context.entropy) : null;
    const tell = (kind: DekEvent['kind']): void => {
      lag?.told(kind);
      owner.tell(kind);
    };
    this.#lag = lag;
    this.#watch = new DekWatch(context.clock, tell, (version) => void this.#check(version));
  }

  forSeal(keyName: string): DekHandle | Promise<DekHandle> {
    return this.#lag === null ? this.#rotation.forSeal(keyName) : this.#late(this.#lag, keyName);
  }

  forPublish(keyName: string): DekHandle | Promise<DekHandle> {
    this.#lag?.checkPublish();
    return this.forSeal(keyName);
  }

  forOpen(version: number): DekHandle | Promise<DekHandle> {
    const dek = this.#deks.get(version);
    if (dek) return dek.get('CUSTOMER_INITIATED_ACCESS');
    if (this.isClosed) return Promise.reject(topicGone(this.topic, this.#context.isClosed));
    return this.stored(version).then((read) => read.get('CUSTOMER_INITIATED_ACCESS'));
  }

  /** The DEK of a stored row, read at most once at a time. Throws DATA_LOSS if there is none. */
  async stored(version: number): Promise<CachedDek> {
    const known = this.#deks.get(version) ?? this.#reading.get(version);
    if (known) return known;
    const reading = this.#context.rows
      .read(this.topic, version)
      .then((row) => this.#deks.get(version) ?? this.admit(row))
      .finally(() => this.#reading.delete(version));
    this.#reading.set(version, reading);
    return reading;
  }

  admit(row: DekRow): CachedDek {
    if (this.isClosed) throw topicGone(this.topic, this.#context.isClosed);
    const tally = new DekTally(this.#context.caps, () => this.#rotation.nearCap(row.version));
    const dek = new CachedDek(this.#context, this.topic, row, tally, this);
    this.#deks.set(row.version, dek);
    return dek;
  }

  primaryChangeMs(keyName: string): number {
    return this.#owner.primaryChangeMs(keyName);
  }

  /**
   * In this tick: nothing unwrapped under the key is alive any more, unless only its primary version
   * changed, which takes nothing away. Then the newest DEK is asked about.
   */
  keyChanged(change: KeyChange): void {
    this.generation++;
    this.#rotation.clearRefusal();
    const touched = [...this.#deks.values()].filter((dek) =>
      touches(change.resource, dek.row.kekName),
    );
    if (change.kind === 'resync') {
      this.#resync(touched);
      return;
    }
    const wasInUse = touched.some((dek) => dek.warm !== null) || this.#watch.isFailingAny;
    for (const dek of touched) {
      if (change.kind === 'primary') this.#rotation.supersede(dek);
      else dek.evict('keyChange');
    }
    if (change.kind !== 'primary' && touched.length > 0 && wasInUse) this.#askAnew(touched);
  }

  /**
   * In this tick: those of these DEKs that neither seal nor will next are of no use to anybody any
   * more. Returns them; their rows may go.
   */
  expel(versions: readonly number[]): number[] {
    return versions.filter((version) => {
      const dek = this.#deks.get(version);
      const isHeld = dek !== undefined && this.#rotation.holds(dek);
      if (isHeld || this.#reading.has(version)) return false;
      dek?.close('forgotten');
      this.#deks.delete(version);
      this.#watch.forget(version);
      return true;
    });
  }

  /** Their rows are gone: so is whatever was read of them before they went. */
  async expelErased(versions: readonly number[]): Promise<void> {
    await Promise.allSettled(versions.flatMap((version) => this.#reading.get(version) ?? []));
    this.expel(versions);
  }

  /** A DEK is stored wrapped otherwise from now on. */
  async rewrapped(row: DekRow): Promise<void> {
    const reading = this.#reading.get(row.version)?.catch(() => undefined);
    const dek = this.#deks.get(row.version) ?? (await reading);
    dek?.rewrapped(row);
  }

  isRelieved(dek: CachedDek): boolean {
    return this.#rotation.isRelieved(dek);
  }

  answered(dek: CachedDek): void {
    this.#watch.answered(dek.row.version);
  }

  failed(dek: CachedDek): void {
    void this.#noteFailure(dek);
  }

  idled(dek: CachedDek): void {
    // The tally of the one that seals counts on, and what was refused is still asked about.
    const { version } = dek.row;
    if (!this.#rotation.holds(dek) && !this.#watch.isFailing(version)) this.#deks.delete(version);
  }

  /** Zeroes all of it; resolves when no DEK is being made any more. */
  async close(cause: EvictionCause): Promise<void> {
    this.isClosed = true;
    this.#watch.stop();
    for (const dek of this.#deks.values()) dek.close(cause);
    this.#deks.clear();
    await this.#rotation.close();
  }

  async #late(lag: TopicLag, keyName: string): Promise<DekHandle> {
    if (lag.isNew) lag.begin((await this.#rotation.newest())?.row.kekName);
    try {
      return await this.#rotation.forSeal(lag.keyFor(keyName));
    } catch (error) {
      lag.refused(error);
      throw error;
    }
  }

  /** What happened meanwhile is not known: nothing is taken away before the answer does. */
  #resync(touched: readonly CachedDek[]): void {
    for (const dek of touched) this.#context.resyncs.add(() => dek.askAgain());
    this.#watch.askNow(touched.map((dek) => dek.row.version));
  }

  #askAnew(touched: readonly CachedDek[]): void {
    const versions = touched.map((dek) => dek.row.version);
    this.#watch.askNow(versions);
    const newest = Math.max(...versions);
    if (!this.#watch.isFailing(newest)) void this.#check(newest);
  }

  /** Unwraps a DEK to see whether it may be used; the outcome goes to the watch. */
  async #check(version: number): Promise<void> {
    try {
      const dek = await this.stored(version);
      await dek.get('CUSTOMER_INITIATED_ACCESS');
    } catch (error) {
      this.#context.log.debug({ topic: this.topic.name, version, err: error }, 'DEK is refused');
    }
  }

  async #noteFailure(dek: CachedDek): Promise<void> {
    const { version } = dek.row;
    const newest = await this.#rotation.newest().catch(() => null);
    if (!this.isClosed) this.#watch.failed(version, version >= (newest?.row.version ?? 0));
  }
}
