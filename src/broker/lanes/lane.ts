import {
  sealSegment,
  segmentPlainBytes,
  type Dek,
  type SegmentPlace,
} from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { draw, type Clock, type Entropy } from '../../runtime/index.ts';
import { segmentKinds, type Append, type Segment, type Store } from '../../storage/index.ts';
import type { Evaluation, TopicFilters } from '../filter/topic-filters.ts';
import type { Appender } from './appender.ts';
import type { BodyBuffers } from './body-buffers.ts';
import { SizeHistory } from './size-history.ts';
import type { TopicKey } from './topic-key.ts';
import type { BrokerObserver } from '../observer.ts';
import type { SealableMessage } from '../service.ts';

/** A request joins the segment being filled until that has so many bytes. */
const segmentBytesSoft = 256 * 1024;
/** What one group commit of one lane carries at most, beside a single larger request. */
const commitBytesSoft = 8 * 1024 * 1024;
/** What a waiting message costs beside its bytes: a budget of bytes must bound many small ones. */
const messageOverheadBytes = 256;
/** Bytes of requests that wait to be sealed, over all lanes. */
const pendingBytesMax = 256 * 1024 * 1024;

interface PendingPublish {
  readonly messages: readonly SealableMessage[];
  readonly bytes: number;
  resolve(ids: string[]): void;
  reject(error: unknown): void;
}

/** A segment that was just made durable. */
export interface PublishedSegment extends Segment {
  /** What the topic's filters say about its messages; null: nothing is filtered. */
  readonly evaluation: Evaluation | null;
}

/** Is told under which DEK segments are about to be appended, and when that is over. */
export interface SealWatch {
  sealing(dekVersion: number): void;
  sealed(): void;
}

const unwatched: SealWatch = { sealing: () => undefined, sealed: () => undefined };

/** A segment that is sealed for one place, and the requests that it answers. */
interface SealedBatch {
  readonly op: Append;
  readonly evaluation: Evaluation | null;
  readonly requests: readonly PendingPublish[];
}

/** The requests that all lanes together hold; shared, so that memory has one bound. */
export class PendingBudget {
  #bytes = 0;

  take(bytes: number): void {
    if (this.#bytes + bytes > pendingBytesMax) {
      throw new RpcError(
        'RESOURCE_EXHAUSTED',
        'PUBLISH_BUFFER_FULL',
        'Too many bytes are waiting to be published. Please try again with backoff.',
      );
    }
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/**
 * The writing end of one lane: messages in, sealed segments out, at most one append under way.
 *
 * Everything that arrives while an append is on its way to the disk is sealed together into the
 * next, so segments grow with the load. A request's messages share one segment: all or none.
 * A segment's id names its exact bytes: when the base moves, it is sealed again under a new one.
 */
export class Lane {
  /** Shard of the topic, 0 .. 2^32 - 1. */
  readonly index: number;
  readonly key: TopicKey;
  readonly appender: Appender;
  readonly sizes: SizeHistory;
  readonly #ports: LanePorts;
  readonly #filters: TopicFilters;
  readonly #onAppended: (segments: readonly PublishedSegment[]) => boolean;
  readonly #watch: SealWatch;
  readonly #idPrefix: string;
  #pending: PendingPublish[] = [];
  #flushing: Promise<void> | null = null;
  #closedBy: Error | null = null;
  /** Ends the wait for a key, while there is one. */
  #stopWaiting: (error: Error) => void = () => undefined;
  /** First sequence that no durable segment holds. */
  tail: number;

  constructor(options: {
    readonly index: number;
    readonly key: TopicKey;
    readonly appender: Appender;
    readonly tail: number;
    readonly ports: LanePorts;
    readonly filters: TopicFilters;
    /** True if it goes on reading the segments' bodies. */
    readonly onAppended: (segments: readonly PublishedSegment[]) => boolean;
    readonly watch?: SealWatch;
  }) {
    this.index = options.index;
    this.key = options.key;
    this.appender = options.appender;
    this.tail = options.tail;
    this.sizes = new SizeHistory(options.tail);
    this.#ports = options.ports;
    this.#filters = options.filters;
    this.#onAppended = options.onAppended;
    this.#watch = options.watch ?? unwatched;
    this.#idPrefix = String(options.index + 1);
  }

  /** Ids in order, once all messages are durable. */
  async publish(messages: readonly SealableMessage[]): Promise<string[]> {
    if (this.#closedBy !== null) throw this.#closedBy;
    let bytes = 0;
    for (const message of messages) bytes += message.bytes.length + messageOverheadBytes;
    this.#ports.pending.take(bytes);
    try {
      return await new Promise<string[]>((resolve, reject) => {
        this.#pending.push({ messages, bytes, resolve, reject });
        this.#flushing ??= this.#flush();
      });
    } finally {
      this.#ports.pending.release(bytes);
    }
  }

  /** 17 decimal digits: unique in the topic, in order within the lane. */
  messageId(sequence: number): string {
    return this.#idPrefix + String(sequence).padStart(16, '0');
  }

  place(segment: {
    readonly base: number;
    readonly epoch: number;
    readonly timeMs: number;
  }): SegmentPlace {
    const { base, epoch, timeMs } = segment;
    return { topicUid: this.key.topic.uid, lane: this.index, base, epoch, timeMs };
  }

  /**
   * Refuses what comes from now on, and what waits, for a key as well: no key is needed to end.
   * Resolves when nothing is under way.
   */
  async close(error: Error): Promise<void> {
    this.#closedBy = error;
    for (const request of this.#pending.splice(0)) request.reject(error);
    this.#stopWaiting(error);
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    while (this.#pending.length > 0) {
      const requests = this.#takePending();
      try {
        await this.#append(requests);
      } catch (error) {
        for (const request of requests) request.reject(error);
      }
    }
    this.#flushing = null;
  }

  #takePending(): PendingPublish[] {
    let bytes = 0;
    let count = 0;
    for (const request of this.#pending) {
      if (count > 0 && bytes + request.bytes > commitBytesSoft) break;
      bytes += request.bytes;
      count++;
    }
    return this.#pending.splice(0, count);
  }

  async #append(requests: readonly PendingPublish[]): Promise<void> {
    for (;;) {
      const position = await this.appender.position();
      const dek = await this.#dek();
      const timeMs = Math.max(position.timeMs, this.#ports.clock.wallMs());
      const batches = this.#sealWhileAlive(dek, requests, { base: position.next, timeMs });
      if (batches === null) continue;
      const startedMs = this.#ports.clock.monotonicMs();
      if (!(await this.#appendSealed(dek.version, batches))) continue;
      this.#ports.observer.committed(batches.length, this.#ports.clock.monotonicMs() - startedMs);
      this.#finish(batches);
      return;
    }
  }

  async #appendSealed(version: number, batches: readonly SealedBatch[]): Promise<boolean> {
    this.#watch.sealing(version);
    try {
      return await this.appender.append(batches.map((batch) => batch.op));
    } finally {
      this.#watch.sealed();
    }
  }

  #dek(): Dek | Promise<Dek> {
    if (this.#closedBy !== null) throw this.#closedBy;
    const dek = this.key.forPublish();
    if (!(dek instanceof Promise)) return dek;
    const { promise, resolve, reject } = Promise.withResolvers<Dek>();
    this.#stopWaiting = reject;
    dek.then(resolve, reject);
    return promise;
  }

  /** Null if the DEK was dead or died under it: then ask again, and be told why. */
  #sealWhileAlive(
    dek: Dek,
    requests: readonly PendingPublish[],
    start: { readonly base: number; readonly timeMs: number },
  ): SealedBatch[] | null {
    if (!dek.isAlive) return null;
    try {
      return this.#seal(dek, requests, start);
    } catch (error) {
      if (dek.isAlive) throw error;
      return null;
    }
  }

  #seal(
    dek: Dek,
    requests: readonly PendingPublish[],
    start: { readonly base: number; readonly timeMs: number },
  ): SealedBatch[] {
    const startedMs = this.#ports.clock.monotonicMs();
    const batches: SealedBatch[] = [];
    let base = start.base;
    let bytes = 0;
    for (const group of groups(requests)) {
      const batch = this.#sealOne(dek, group, { base, timeMs: start.timeMs });
      base += batch.op.count;
      bytes += batch.op.body.length;
      batches.push(batch);
    }
    const ms = this.#ports.clock.monotonicMs() - startedMs;
    this.#ports.observer.sealed(base - start.base, bytes, ms);
    return batches;
  }

  #sealOne(
    dek: Dek,
    requests: readonly PendingPublish[],
    at: { readonly base: number; readonly timeMs: number },
  ): SealedBatch {
    const messages =
      requests.length === 1 ? requests[0]!.messages : requests.flatMap((r) => r.messages);
    const id = draw(this.#ports.entropy, 16);
    const { log, epoch } = this.appender;
    const { bodies } = this.#ports;
    const place = this.place({ ...at, epoch });
    const evaluation = this.#filters.evaluate(messages);
    const body = sealSegment(dek, id, place, messages, {
      allocate: (bytes) => bodies.take(bytes),
      filters: evaluation?.section ?? null,
    });
    const op: Append = {
      log,
      at: at.base,
      epoch,
      id,
      count: messages.length,
      timeMs: at.timeMs,
      kind: segmentKinds.messages,
      body,
    };
    return { op, requests, evaluation };
  }

  #finish(batches: readonly SealedBatch[]): void {
    const last = batches[batches.length - 1]!.op;
    this.tail = last.at + last.count;
    for (const { op } of batches) {
      this.sizes.appended(op.count, segmentPlainBytes(op.body, op.count));
    }
    const isRead = this.#onAppended(
      batches.map(({ op, evaluation }) => ({ ...op, base: op.at, evaluation })),
    );
    if (!isRead) for (const { op } of batches) this.#ports.bodies.giveBack(op.body);
    for (const { op, requests } of batches) {
      let sequence = op.at;
      for (const request of requests) {
        const first = sequence;
        request.resolve(request.messages.map((_, i) => this.messageId(first + i)));
        sequence += request.messages.length;
      }
    }
  }
}

export interface LanePorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly observer: BrokerObserver;
  readonly pending: PendingBudget;
  readonly bodies: BodyBuffers;
}

/** Requests that share a segment: whole requests, up to the soft size. */
function* groups(requests: readonly PendingPublish[]): Iterable<PendingPublish[]> {
  let group: PendingPublish[] = [];
  let bytes = 0;
  for (const request of requests) {
    if (group.length > 0 && bytes + request.bytes > segmentBytesSoft) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(request);
    bytes += request.bytes;
  }
  if (group.length > 0) yield group;
}
