import { notFound } from '../errors.ts';
import type { Lease } from '../delivery/lease.ts';
import { ReadGate } from '../lanes/read-gate.ts';
import { invalidArgument } from '../limits.ts';
import type { Pager } from '../lists/page-token.ts';
import type { Registry } from '../registry.ts';
import { checkTransitRegion } from '../resources/storage-policy.ts';
import type { Seeking } from '../seeking.ts';
import type { SeekTarget } from '../service.ts';
import type { SubscriptionState } from '../subscription-state.ts';
import {
  peekLimits,
  type BacklogViews,
  type PeekedMessage,
  type PeekedPage,
  type PeekedState,
  type PeekRequest,
  type SeekPreview,
} from './backlog-views.ts';
import { BacklogWalk, type FoundMessage, type Walked } from './backlog-walk.ts';
import { leasesOf } from './unacknowledged.ts';

/** Shows what waits in subscriptions, and leaves them as they are. */
export class Peeking implements BacklogViews {
  readonly #registry: Registry;
  readonly #pager: Pager;
  readonly #seeking: Seeking;
  /** Few at once, as each holds what it has opened. */
  readonly #gate: ReadGate;

  constructor(registry: Registry, pager: Pager, seeking: Seeking) {
    this.#registry = registry;
    this.#pager = pager;
    this.#seeking = seeking;
    this.#gate = new ReadGate(registry.ports.clock);
  }

  async peek<Reply>(
    name: string,
    request: PeekRequest,
    take: (page: PeekedPage) => Reply,
  ): Promise<Reply> {
    this.#registry.refuseWhenDraining();
    checkRequest(request);
    const state = this.#registry.subscription(name);
    const list = `peek/${name}/${state.row.id}`;
    const { pageToken } = request;
    const from = pageToken === '' ? 0 : Number(this.#pager.keyOf(list, pageToken));
    checkTransitRegion(state.topic.row, this.#registry.ports.region);
    return await this.#gate.run(() => this.#walk(state, list, { from, request, take }));
  }

  previewSeek(name: string, target: SeekTarget): Promise<SeekPreview> {
    return this.#seeking.preview(name, target);
  }

  async #walk<Reply>(
    state: SubscriptionState,
    list: string,
    { from, request, take }: WalkOptions<Reply>,
  ): Promise<Reply> {
    for (;;) {
      // As for a Pull: also where older messages have another key, or there are none.
      await state.topic.key.forSeal();
      const walk = new BacklogWalk(state, request, this.#registry.ports.clock);
      try {
        const walked = await this.#whileThere(state, walk.run(from));
        // A key that died on the way says why when it is asked for again.
        if ([...walked.deks].every((dek) => dek.isAlive)) {
          return take(this.#pageOf(state, list, walked));
        }
      } finally {
        walk.wipe();
      }
    }
  }

  /** What goes wrong with one that is deleted meanwhile is no news of it, and nor is what does not. */
  async #whileThere(state: SubscriptionState, walk: Promise<Walked>): Promise<Walked> {
    const { name } = state.row;
    const [ended] = await Promise.allSettled([walk]);
    if (this.#registry.subscription(name) !== state) throw notFound(name);
    if (ended.status === 'rejected') throw ended.reason;
    return ended.value;
  }

  /** In one turn, so that what it says of all messages is true of one moment. */
  #pageOf(state: SubscriptionState, list: string, { found, next }: Walked): PeekedPage {
    const leases = leasesOf(
      state.backlog,
      found.map(({ sequence }) => sequence),
    );
    return {
      messages: found.flatMap((message) => {
        const lease = leases.get(message.sequence);
        return lease === undefined ? [] : [this.#shown(state, message, lease)];
      }),
      nextPageToken: next === null ? '' : this.#pager.tokenOf(list, String(next)),
    };
  }

  #shown(
    { topic }: SubscriptionState,
    { sequence, publishTimeMs, bytes }: FoundMessage,
    lease: Lease | null,
  ): PeekedMessage {
    const state = stateOf(lease);
    const { clock } = this.#registry.ports;
    const isTimed = lease !== null && (state === 'outstanding' || state === 'delayed');
    return {
      messageId: topic.lane.messageId(sequence),
      publishTimeMs,
      bytes,
      state,
      deliveryAttempt: (lease?.failures ?? 0) + 1,
      endTimeMs: isTimed
        ? Math.round(clock.wallMs() + lease.deadlineMs - clock.monotonicMs())
        : null,
    };
  }
}

interface WalkOptions<Reply> {
  readonly from: number;
  readonly request: PeekRequest;
  readonly take: (page: PeekedPage) => Reply;
}

function stateOf(lease: Lease | null): PeekedState {
  if (lease === null || lease.state === 'ended') return 'waiting';
  return lease.state === 'available' && !lease.isScanned ? 'waiting' : lease.state;
}

function checkRequest({ messagesMax, bytesMax }: PeekRequest): void {
  checkRange('page_size', messagesMax, peekLimits.messagesMax);
  checkRange('max_bytes', bytesMax, peekLimits.bytesMax);
}

function checkRange(field: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  throw invalidArgument(`${field}: ${value}, valid values are between 1 and ${max}`);
}
