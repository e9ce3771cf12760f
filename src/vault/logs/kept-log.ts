import type { Append, Segment, Store } from '../../storage/index.ts';
import type { ServiceName } from '../services/service.ts';
import type { RegisteredLog } from './log-registry.ts';
import { walkSegments } from './stored-segments.ts';

/** A segment that is stored, without its lines. */
export interface KeptSegment {
  readonly base: number;
  readonly count: number;
  /** Of its last line, which no line of a later segment is before. */
  readonly timeMs: number;
  readonly bytes: number;
}

/** What a segment takes beside its body. */
const overheadBytes = 64;

/** The log of one service: where its segments are, and where the next one goes. */
export class KeptLog {
  registered: RegisteredLog;
  bytes = 0;
  #segments: KeptSegment[] = [];
  #next = 0;
  #timeMs = 0;

  constructor(registered: RegisteredLog) {
    this.registered = registered;
  }

  get service(): ServiceName {
    return this.registered.service;
  }

  get id(): number {
    return this.registered.log;
  }

  get segments(): readonly KeptSegment[] {
    return this.#segments;
  }

  get next(): number {
    return this.#next;
  }

  /** No line may be earlier than this. */
  get timeMs(): number {
    return this.#timeMs;
  }

  /** Finds the segments in the store: at the start, and if somebody else wrote. */
  async load(store: Store): Promise<void> {
    this.#segments = [];
    this.bytes = 0;
    const [tail] = await store.tails([this.id]);
    this.#next = tail?.next ?? 0;
    this.#timeMs = tail?.timeMs ?? 0;
    for await (const { segment } of walkSegments(store, this.id)) {
      if (segment !== null) this.#keep(segment);
    }
  }

  appended({ at: base, count, timeMs, body }: Append): void {
    this.#keep({ base, count, timeMs, body });
    this.#next = base + count;
    this.#timeMs = timeMs;
  }

  /** Forgets the oldest segment, and says below what the store may. Never the last one. */
  forgetOldest(): number {
    const first = this.#segments.shift();
    if (first === undefined) return 0;
    this.bytes -= first.bytes;
    return first.base + first.count;
  }

  #keep({ base, count, timeMs, body }: Pick<Segment, 'base' | 'count' | 'timeMs' | 'body'>): void {
    const bytes = body.length + overheadBytes;
    this.#segments.push({ base, count, timeMs, bytes });
    this.bytes += bytes;
  }
}
