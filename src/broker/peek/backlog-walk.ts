import type { Dek, OpenedSegment } from '../../envelope/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Segment } from '../../storage/index.ts';
import { holds } from '../lanes/segment-shelf.ts';
import type { SubscriptionState } from '../subscription-state.ts';
import type { PeekRequest } from './backlog-views.ts';
import { unacknowledgedFrom } from './unacknowledged.ts';

/** A message that was found, its bytes copied. */
export interface FoundMessage {
  readonly sequence: number;
  readonly publishTimeMs: number;
  readonly bytes: Uint8Array;
}

export interface Walked {
  readonly found: readonly FoundMessage[];
  /** What opened them: they may be shown only while all of these are alive. */
  readonly deks: ReadonlySet<Dek>;
  /** Where to go on; null at the end. */
  readonly next: number | null;
}

type AsideSegment = OpenedSegment & { readonly dek: Dek };

/** What one walk looks at, so that a filter that lets nothing through cannot keep it going. */
const looksMax = 20_000;
const openedBytesMax = 16 * 1024 * 1024;
const stretch = 256;

/** One walk along a backlog, from old to new. It asks, and changes nothing. */
export class BacklogWalk {
  readonly #state: SubscriptionState;
  readonly #request: PeekRequest;
  readonly #clock: Clock;
  readonly #found: FoundMessage[] = [];
  readonly #deks = new Set<Dek>();
  #segment: AsideSegment | null = null;
  /** What was read of the store, and is opened one by one. */
  #ahead: readonly Segment[] = [];
  #bytes = 0;
  #lookCount = 0;
  #openedBytes = 0;
  /** Below, everything is trimmed. */
  #first = 0;

  constructor(state: SubscriptionState, request: PeekRequest, clock: Clock) {
    this.#state = state;
    this.#request = request;
    this.#clock = clock;
  }

  async run(from: number): Promise<Walked> {
    const { backlog, topic } = this.#state;
    const { tail } = topic.lane;
    for (let at = from; ;) {
      const sequences = unacknowledgedFrom(backlog, at, tail, stretch);
      for (const sequence of sequences) {
        if (!(await this.#look(sequence))) return this.#end(sequence);
      }
      const last = sequences.at(-1);
      if (last === undefined) return this.#end(null);
      at = last + 1;
    }
  }

  /** What was opened is nobody's any more. */
  wipe(): void {
    this.#segment?.bytes.fill(0);
    for (const { bytes } of this.#found) bytes.fill(0);
  }

  #end(next: number | null): Walked {
    return { found: this.#found, deks: this.#deks, next };
  }

  /** False: the page is full without this one. */
  async #look(sequence: number): Promise<boolean> {
    if (sequence < this.#first) return true;
    if (this.#found.length >= this.#request.messagesMax) return false;
    if (this.#lookCount >= looksMax) return false;
    if (this.#segment === null || !holds(this.#segment, sequence)) {
      if (this.#openedBytes >= openedBytesMax) return false;
      if (!(await this.#turnTo(sequence))) return true;
    }
    this.#lookCount++;
    return this.#take(this.#segment!, sequence);
  }

  /** False: what retention has taken away meanwhile nobody misses. */
  async #turnTo(sequence: number): Promise<boolean> {
    this.#segment?.bytes.fill(0);
    this.#segment = null;
    try {
      this.#segment = await this.#open(sequence);
    } catch (error) {
      if (sequence >= this.#state.backlog.floor) throw error;
    }
    return this.#segment !== null;
  }

  #take(segment: AsideSegment, sequence: number): boolean {
    const index = sequence - segment.base;
    const message = segment.bytes.subarray(segment.offsets[index], segment.offsets[index + 1]);
    if (!this.#matches(segment, index, message)) return true;
    const isFirst = this.#found.length === 0;
    if (!isFirst && this.#bytes + message.length > this.#request.bytesMax) return false;
    this.#bytes += message.length;
    this.#deks.add(segment.dek);
    const bytes = Uint8Array.from(message);
    this.#found.push({ sequence, publishTimeMs: segment.timeMs, bytes });
    return true;
  }

  /** Not the way of a delivery, which also counts what it reads. */
  #matches(segment: AsideSegment, index: number, message: Uint8Array): boolean {
    const { filter } = this.#state;
    if (filter === null) return true;
    return filter.bitsOf(segment)?.has(index) ?? filter.admits(message);
  }

  /** Null if the message is there no more. */
  async #open(sequence: number): Promise<AsideSegment | null> {
    const { topic } = this.#state;
    const segment = await this.#stored(sequence);
    if (segment === undefined) return null;
    // Opening takes a while: others have their turn in between.
    if (this.#openedBytes > 0) await new Promise<void>((go) => this.#clock.soon(go));
    const opened = await topic.reader.openAside(segment);
    this.#openedBytes += opened.bytes.length;
    return opened;
  }

  async #stored(sequence: number): Promise<Segment | undefined> {
    const ahead = this.#ahead.find((segment) => holds(segment, sequence));
    if (ahead !== undefined) return ahead;
    const { first, segments } = await this.#state.topic.reader.readAside(sequence);
    this.#ahead = segments;
    this.#first = first;
    return segments[0];
  }
}
