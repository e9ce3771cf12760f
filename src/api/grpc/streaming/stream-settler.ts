import type { BrokerService, SettleResult } from '../../../broker/index.ts';
import type { StreamingPullRequest } from '../consuming-wire.ts';

/** Ack ids by what became of them: the lists of pubsub.v1's confirmations. */
export interface Settled {
  readonly kind: 'acknowledge' | 'modifyAckDeadline';
  readonly ackIds: readonly string[];
  readonly results: readonly SettleResult[];
}

/** What a settler asks of its stream. */
export interface SettlerHost {
  /** Ids of an exactly-once subscription are answered, those of others are not. */
  isExactlyOnce(): boolean;
  settled(settled: Settled): void;
  /** One more or one fewer is on its way. */
  changed(): void;
}

/** The acks and deadlines that arrive on one stream. What is malformed among them ends nothing. */
export class StreamSettler {
  readonly #broker: BrokerService;
  readonly #subscription: string;
  readonly #host: SettlerHost;
  #pendingCount = 0;

  constructor(broker: BrokerService, subscription: string, host: SettlerHost) {
    this.#broker = broker;
    this.#subscription = subscription;
    this.#host = host;
  }

  /** Requests whose confirmation is still to come. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  settle(request: StreamingPullRequest): void {
    const { ackIds, modifyDeadlineAckIds, modifyDeadlineSeconds } = request;
    if (this.#host.isExactlyOnce()) {
      if (ackIds.length > 0) this.#acknowledge(ackIds);
      for (const [seconds, ids] of bySeconds(modifyDeadlineAckIds, modifyDeadlineSeconds)) {
        this.#modify(ids, seconds);
      }
      return;
    }
    const [broker, subscription] = [this.#broker, this.#subscription];
    if (ackIds.length > 0) broker.streamAcknowledge(subscription, ackIds);
    if (modifyDeadlineAckIds.length === 0) return;
    broker.streamModifyAckDeadline(subscription, modifyDeadlineAckIds, modifyDeadlineSeconds);
  }

  #acknowledge(ackIds: readonly string[]): void {
    const results = this.#broker.acknowledgeEach(this.#subscription, ackIds);
    void this.#confirm('acknowledge', ackIds, results);
  }

  #modify(ackIds: readonly string[], seconds: number): void {
    const results = this.#broker.modifyAckDeadlineEach(this.#subscription, ackIds, seconds);
    void this.#confirm('modifyAckDeadline', ackIds, results);
  }

  async #confirm(
    kind: Settled['kind'],
    ackIds: readonly string[],
    settling: Promise<readonly SettleResult[]>,
  ): Promise<void> {
    this.#pendingCount++;
    this.#host.changed();
    // What ends the subscription ends the stream too; until then the ids may be sent again.
    const results = await settling.catch(() => ackIds.map((): SettleResult => 'failed'));
    this.#pendingCount--;
    this.#host.settled({ kind, ackIds, results });
    this.#host.changed();
  }
}

function bySeconds(ackIds: readonly string[], seconds: readonly number[]): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const [index, ackId] of ackIds.entries()) {
    const deadline = seconds[index] ?? 0;
    const group = groups.get(deadline);
    if (group === undefined) groups.set(deadline, [ackId]);
    else group.push(ackId);
  }
  return groups;
}
