import { diagnose } from '../doctor/diagnosis.ts';
import type { Json, RestApi } from '../connection/rest-api.ts';
import { messageOfApi, type ReceivedMessage } from '../messages/received-message.ts';
import type { MessageSource } from './message-source.ts';

/** The longest lease: a server that is away for a while must not have all of it come twice. */
const leaseSeconds = 600;

/** What waits in a subscription, acknowledged batch by batch. */
export class PulledSource implements MessageSource {
  readonly total: number;
  readonly #api: RestApi;
  readonly #subscription: string;
  #ackIds: string[] = [];

  static async open(api: RestApi, subscription: string): Promise<PulledSource> {
    const diagnosis = await diagnose(api, subscription);
    return new PulledSource(api, subscription, diagnosis?.unackedCount ?? 0);
  }

  protected constructor(api: RestApi, subscription: string, total: number) {
    this.#api = api;
    this.#subscription = subscription;
    this.total = total;
  }

  /** What is acknowledged is gone: the same command line goes on. */
  get resume(): string | undefined {
    return undefined;
  }

  async next(max: number): Promise<readonly ReceivedMessage[]> {
    const body = { maxMessages: max, returnImmediately: true };
    const { receivedMessages = [] } = await this.#api.post(`${this.#subscription}:pull`, body);
    const received = receivedMessages as Json[];
    this.#ackIds = received.map(({ ackId }) => String(ackId));
    if (received.length > 0) await this.#modify(leaseSeconds);
    return received.map(({ message }) => messageOfApi(message as Json));
  }

  async done(): Promise<void> {
    await this.#api.post(`${this.#subscription}:acknowledge`, { ackIds: this.#ackIds });
    this.#ackIds = [];
  }

  async undone(): Promise<void> {
    if (this.#ackIds.length > 0) await this.#modify(0);
    this.#ackIds = [];
  }

  async finish(): Promise<void> {
    // The subscription stays.
  }

  async #modify(ackDeadlineSeconds: number): Promise<void> {
    const body = { ackIds: this.#ackIds, ackDeadlineSeconds };
    await this.#api.post(`${this.#subscription}:modifyAckDeadline`, body);
  }
}
