import {
  EnvelopeError,
  openSegment,
  segmentDekVersion,
  segmentPlainBytes,
  storageRefusal,
  type Dek,
  type DekManager,
  type OpenedSegment,
} from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Segment, Store, Tail } from '../../storage/index.ts';
import type { Lane } from './lane.ts';
import type { BrokerObserver } from '../observer.ts';
import type { ReadGate } from './read-gate.ts';
import { holds, SegmentShelf, type ShelfBudget } from './segment-shelf.ts';

/** One read of the store: enough to keep a stream busy while the next is fetched. */
const readBytes = 512 * 1024;

/** An opened segment and the DEK that opened it: it may be used only while that is alive. */
export interface HeldSegment extends OpenedSegment {
  readonly dek: Dek;
  /** It has left the cache: the DEK need not know of it any more. */
  forget: () => void;
}

/** What all lanes share: a bound on sealed bytes read ahead and on opened bytes kept. */
export interface ReaderPorts {
  readonly store: Store;
  readonly deks: DekManager;
  readonly clock: Clock;
  readonly observer: BrokerObserver;
  readonly sealedBudget: ShelfBudget<Segment>;
  readonly openedBudget: ShelfBudget<HeldSegment>;
  /** Reads of the store that are under way at once are few: each may hold half a mebibyte. */
  readonly reads: ReadGate;
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
  readonly #loads = new Map<number, Promise<Segment[]>>();

  constructor(lane: Lane, ports: ReaderPorts) {
    this.#lane = lane;
    this.#ports = ports;
  }

  /** Keeps a segment that was just made durable, so that who waits for it need not read it. */
  offer(segment: Segment): void {
    this.#ports.sealedBudget.put(this.#sealed, segment, segment.body.length);
  }

  /**
   * The opened segment that holds `sequence`, if that can be had without waiting; `loaded` is what
   * `load` gave for it. Throws RpcError DATA_LOSS if the stored bytes do not open.
   */
  get(sequence: number, loaded: Segment | null = null): HeldSegment | undefined {
    const held = this.#opened.find(sequence);
    if (held?.dek.isAlive === true) return held;
    const atHand = this.#sealed.find(sequence);
    const segment = atHand ?? (loaded !== null && holds(loaded, sequence) ? loaded : undefined);
    if (segment === undefined) return undefined;
    const dek = this.#ports.deks.forOpen(this.#lane.key.topic, dekVersionOf(segment));
    if (!(dek instanceof Promise)) return dek.isAlive ? this.#open(segment, dek) : undefined;
    // `load` asks again and says what is wrong; here nobody waits for the answer.
    dek.catch(() => undefined);
    return undefined;
  }

  /**
   * Fetches what `get` lacked: the sealed segment, its DEK, or both. The segment is the caller's to
   * keep until it was used: others' reads may push it off the shelf at once. After a trim there is
   * no segment, and `first` is the first sequence that still exists. Throws RpcError DATA_LOSS if
   * the store does not have what nobody trimmed.
   */
  async load(sequence: number): Promise<{ first: number; segment: Segment | null }> {
    const segment = this.#sealed.find(sequence) ?? (await this.#read(sequence));
    if (segment === undefined || !holds(segment, sequence)) {
      return { first: await this.#firstAfter(sequence), segment: null };
    }
    try {
      await this.#ports.deks.forOpen(this.#lane.key.topic, dekVersionOf(segment));
    } catch (error) {
      return { first: await this.#firstAfterErased(segment, error), segment: null };
    }
    return { first: sequence, segment };
  }

  /**
   * Segments from `sequence` on, as they are stored, for who looks on: nothing of them is kept, and
   * nothing that others read is pushed out. After a trim there is none, and `first` is as of `load`.
   */
  async readAside(sequence: number): Promise<{ first: number; segments: readonly Segment[] }> {
    const { store, reads } = this.#ports;
    const { log } = this.#lane.appender;
    const read = reads.run(() => store.read(log, sequence, readBytes));
    const segments = await read.catch((error: unknown) => {
      throw storageRefusal(error);
    });
    const [first] = segments;
    if (first !== undefined && holds(first, sequence)) return { first: sequence, segments };
    return { first: await this.#firstAfter(sequence), segments: [] };
  }

  /** Opens what `readAside` gave. The bytes are the caller's, who overwrites them soon. */
  async openAside(segment: Segment): Promise<OpenedSegment & { readonly dek: Dek }> {
    const dek = await this.#ports.deks.forOpen(this.#lane.key.topic, dekVersionOf(segment));
    return { ...this.#unseal(segment, dek), dek };
  }

  /** Publish time of the message at `sequence`, or of the first that still exists after it. */
  async publishTimeMs(sequence: number): Promise<number | undefined> {
    const known = this.#opened.find(sequence) ?? this.#sealed.find(sequence);
    if (known !== undefined) return known.timeMs;
    return (await this.#fetch(sequence, 1))[0]?.timeMs;
  }

  /** The segment that holds `sequence`, or the first after it; what else was read is kept. */
  async #read(sequence: number): Promise<Segment | undefined> {
    const segments = await (this.#loads.get(sequence) ?? this.#startRead(sequence));
    return segments.find((segment) => sequence < segment.base + segment.count);
  }

  async #startRead(sequence: number): Promise<Segment[]> {
    const load = this.#ports.reads.run(() => this.#fetch(sequence, readBytes));
    this.#loads.set(sequence, load);
    try {
      const segments = await load;
      for (const segment of segments) this.offer(segment);
      return segments;
    } finally {
      this.#loads.delete(sequence);
    }
  }

  async #fetch(sequence: number, bytesMax: number): Promise<Segment[]> {
    try {
      const segments = await this.#ports.store.read(this.#lane.appender.log, sequence, bytesMax);
      for (const { base, count, body } of segments) {
        this.#lane.sizes.read(base, count, segmentPlainBytes(body, count));
      }
      return segments;
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  async #firstAfter(sequence: number): Promise<number> {
    const [tail] = await this.#tails();
    if (tail !== undefined && tail.trim > sequence) return tail.trim;
    // Also above the tail: what was handed out once had been stored, so that tail has been lost.
    throw new RpcError('DATA_LOSS', 'SEGMENT_MISSING', 'A stored message cannot be found.');
  }

  /** A segment may be at hand still when a trim has taken it, and its DEK, off the disk. */
  async #firstAfterErased({ base, count }: Segment, error: unknown): Promise<number> {
    const { code } = RpcError.from(error);
    if (code !== 'DATA_LOSS' && code !== 'NOT_FOUND') throw error;
    const [tail] = await this.#tails();
    if (tail !== undefined && tail.trim >= base + count) return tail.trim;
    throw error;
  }

  async #tails(): Promise<Tail[]> {
    try {
      return await this.#ports.store.tails([this.#lane.appender.log]);
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  #open(segment: Segment, dek: Dek): HeldSegment {
    const startedMs = this.#ports.clock.monotonicMs();
    const held: HeldSegment = { ...this.#unseal(segment, dek), dek, forget: () => undefined };
    this.#ports.observer.opened(
      held.count,
      held.bytes.length,
      this.#ports.clock.monotonicMs() - startedMs,
    );
    this.#ports.openedBudget.put(this.#opened, held, held.bytes.length);
    // Opened bytes die with their DEK, whatever it dies of.
    held.forget = dek.onDeath(() => {
      this.#ports.openedBudget.remove(held);
      held.bytes.fill(0);
    });
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
