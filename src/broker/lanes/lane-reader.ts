import {
  EnvelopeError,
  openSegment,
  segmentDekVersion,
  type Dek,
  type DekManager,
  type OpenedSegment,
} from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Segment, Store } from '../../storage/index.ts';
import { storageRefusal } from './appender.ts';
import type { Lane } from './lane.ts';
import type { BrokerObserver } from '../observer.ts';
import { SegmentShelf, type ShelfBudget } from './segment-shelf.ts';

/** One read of the store: enough to keep a stream busy while the next is fetched. */
const readBytes = 512 * 1024;

/** An opened segment and the DEK that opened it: it may be used only while that is alive. */
export interface HeldSegment extends OpenedSegment {
  readonly dek: Dek;
}

/** What all lanes share: a bound on sealed bytes read ahead and on opened bytes kept. */
export interface ReaderPorts {
  readonly store: Store;
  readonly deks: DekManager;
  readonly clock: Clock;
  readonly observer: BrokerObserver;
  readonly sealedBudget: ShelfBudget<Segment>;
  readonly openedBudget: ShelfBudget<HeldSegment>;
}

/**
 * The reading end of one lane, shared by all its subscriptions: sealed segments come from the
 * store, or straight from the writer, and are opened just before they are delivered.
 */
export class LaneReader {
  readonly #lane: Lane;
  readonly #ports: ReaderPorts;
  readonly #sealed = new SegmentShelf<Segment>();
  readonly #opened = new SegmentShelf<HeldSegment>();
  readonly #loads = new Map<number, Promise<void>>();

  constructor(lane: Lane, ports: ReaderPorts) {
    this.#lane = lane;
    this.#ports = ports;
  }

  /** Keeps a segment that was just made durable, so that who waits for it need not read it. */
  offer(segment: Segment): void {
    this.#ports.sealedBudget.put(this.#sealed, segment, segment.body.length);
  }

  /**
   * The opened segment that holds `sequence`, if that can be had without waiting. Throws RpcError
   * DATA_LOSS if the stored bytes do not open.
   */
  get(sequence: number): HeldSegment | undefined {
    const held = this.#opened.find(sequence);
    if (held?.dek.isAlive === true) return held;
    const segment = this.#sealed.find(sequence);
    if (segment === undefined) return undefined;
    const dek = this.#ports.deks.forOpen(this.#lane.topic, dekVersionOf(segment));
    if (!(dek instanceof Promise)) return this.#open(segment, dek);
    // `load` asks again and says what is wrong; here nobody waits for the answer.
    dek.catch(() => undefined);
    return undefined;
  }

  /**
   * Fetches what `get` lacked: the sealed segment, its DEK, or both. Resolves to the first sequence
   * at or after `sequence` that exists, which is later than it after a trim; the tail if none does.
   */
  async load(sequence: number): Promise<number> {
    if (this.#sealed.find(sequence) === undefined) await this.#read(sequence);
    const segment = this.#sealed.find(sequence);
    if (segment === undefined) return await this.#firstAfter(sequence);
    await this.#ports.deks.forOpen(this.#lane.topic, dekVersionOf(segment));
    return sequence;
  }

  /** Publish time of the message at `sequence`, or of the first that still exists after it. */
  async publishTimeMs(sequence: number): Promise<number | undefined> {
    const known = this.#opened.find(sequence) ?? this.#sealed.find(sequence);
    if (known !== undefined) return known.timeMs;
    await this.#read(sequence);
    return this.#sealed.find(sequence)?.timeMs;
  }

  /** Drops every opened byte: the key was revoked. */
  wipe(): void {
    for (const held of this.#opened.clear()) held.bytes.fill(0);
  }

  async #read(sequence: number): Promise<void> {
    const under = this.#loads.get(sequence);
    if (under !== undefined) return await under;
    const load = this.#fetch(sequence);
    this.#loads.set(sequence, load);
    try {
      await load;
    } finally {
      this.#loads.delete(sequence);
    }
  }

  async #fetch(sequence: number): Promise<void> {
    try {
      const segments = await this.#ports.store.read(this.#lane.appender.log, sequence, readBytes);
      for (const segment of segments) this.offer(segment);
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  async #firstAfter(sequence: number): Promise<number> {
    try {
      const [tail] = await this.#ports.store.tails([this.#lane.appender.log]);
      if (tail !== undefined && tail.trim > sequence) return tail.trim;
    } catch (error) {
      throw storageRefusal(error);
    }
    if (sequence >= this.#lane.tail) return sequence;
    throw new RpcError('DATA_LOSS', 'SEGMENT_MISSING', 'A stored message cannot be found.');
  }

  #open(segment: Segment, dek: Dek): HeldSegment {
    const startedMs = this.#ports.clock.monotonicMs();
    const held = { ...this.#unseal(segment, dek), dek };
    this.#ports.observer.opened(
      held.count,
      held.bytes.length,
      this.#ports.clock.monotonicMs() - startedMs,
    );
    this.#ports.openedBudget.put(this.#opened, held, held.bytes.length);
    return held;
  }

  #unseal(segment: Segment, dek: Dek): OpenedSegment {
    try {
      return openSegment(dek, this.#lane.place(segment), segment);
    } catch (error) {
      throw error instanceof EnvelopeError ? tampered(error) : error;
    }
  }
}

function dekVersionOf(segment: Segment): number {
  try {
    return segmentDekVersion(segment.body);
  } catch (error) {
    throw error instanceof EnvelopeError ? tampered(error) : error;
  }
}

const tampered = (cause: EnvelopeError): RpcError =>
  new RpcError(
    'DATA_LOSS',
    'ENVELOPE_TAMPERED',
    'A stored message was changed or moved and cannot be delivered.',
    { cause },
  );
