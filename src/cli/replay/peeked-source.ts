import { diagnose } from '../doctor/diagnosis.ts';
import type { RestApi } from '../connection/rest-api.ts';
import { peekPage, peekPageMax } from '../messages/peeked-messages.ts';
import type { ReceivedMessage } from '../messages/received-message.ts';
import type { MessageSource } from './message-source.ts';

/** What waits in a subscription, which is left as it is. */
export class PeekedSource implements MessageSource {
  readonly total: number;
  readonly #api: RestApi;
  readonly #subscription: string;
  #done: string;
  #next: string;
  #isOver = false;

  static async open(api: RestApi, subscription: string, resume = ''): Promise<PeekedSource> {
    const diagnosis = await diagnose(api, subscription);
    return new PeekedSource(api, subscription, resume, diagnosis?.unackedCount ?? 0);
  }

  private constructor(api: RestApi, subscription: string, resume: string, total: number) {
    this.#api = api;
    this.#subscription = subscription;
    this.#done = resume;
    this.#next = resume;
    this.total = total;
  }

  get resume(): string | undefined {
    return this.#done === '' ? undefined : this.#done;
  }

  async next(max: number): Promise<readonly ReceivedMessage[]> {
    const pageSize = Math.min(max, peekPageMax);
    while (!this.#isOver) {
      const pageToken = this.#next;
      const page = await peekPage(this.#api, this.#subscription, { pageSize, pageToken });
      this.#next = page.nextPageToken;
      this.#isOver = page.nextPageToken === '';
      if (page.messages.length > 0) return page.messages;
    }
    return [];
  }

  async done(): Promise<void> {
    this.#done = this.#next;
  }

  async undone(): Promise<void> {
    // Nothing was taken.
  }

  async finish(): Promise<void> {
    // Nothing was made.
  }
}
