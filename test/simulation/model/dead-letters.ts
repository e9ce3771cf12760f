import { assert } from '../../../src/runtime/index.ts';
import type { ModelDelivery } from './message.ts';

interface Exhausted {
  copies: Set<string>;
  /** A crash or a write of unknown fate may have forwarded it twice. */
  mayRepeat: boolean;
  /** It came to its subscription again, or was acknowledged there after all. */
  isExcused: boolean;
  /** It failed so often by any count, not only perhaps. */
  isSure: boolean;
  /** It failed so often at least perhaps. */
  mayArrive: boolean;
}

const attribute = {
  count: 'CloudPubSubDeadLetterSourceDeliveryCount',
  subscription: 'CloudPubSubDeadLetterSourceSubscription',
  project: 'CloudPubSubDeadLetterSourceSubscriptionProject',
} as const;

/** Every message that failed too often, and every copy of it that was seen. */
export class DeadLetterLedger {
  readonly #exhausted = new Map<string, Exhausted>();
  #hadTrouble = false;

  /** It failed as often as its policy allows, surely or perhaps. */
  exhausted(subscription: string, text: string, isSure: boolean): void {
    const each = this.#of(subscription, text);
    each.isSure ||= isSure;
    each.mayArrive = true;
  }

  /** Its subscription is gone, was sought, or got it again: nothing more is owed. */
  excuse(subscription: string, text?: string): void {
    const prefix = `${shortOf(subscription)} `;
    if (text !== undefined) this.#of(subscription, text).isExcused = true;
    else {
      for (const [key, each] of this.#exhausted) if (key.startsWith(prefix)) each.isExcused = true;
    }
  }

  get hadTrouble(): boolean {
    return this.#hadTrouble;
  }

  /** From here on any forward may happen twice. */
  trouble(): void {
    this.#hadTrouble = true;
    for (const each of this.#exhausted.values()) each.mayRepeat = true;
  }

  arrived(got: ModelDelivery, project: string): void {
    const source = got.attributes[attribute.subscription] ?? '';
    const each = this.#exhausted.get(`${source} ${got.text}`);
    assert(
      each?.mayArrive === true,
      `a dead letter of ${source} that did not fail too often: ${got.text}`,
    );
    assert(Number(got.attributes[attribute.count]) >= 1, `no delivery count on ${got.text}`);
    assert(got.attributes[attribute.project] === project, `another project on ${got.text}`);
    each.copies.add(got.messageId);
    const isOnce = each.copies.size === 1 || each.mayRepeat || each.isExcused;
    assert(isOnce, `two dead letters of ${got.text}`);
  }

  /** At the end, with everything read: what was exhausted and never arrived. */
  missing(): string[] {
    return [...this.#exhausted]
      .filter(([, { copies, isExcused, isSure }]) => copies.size === 0 && isSure && !isExcused)
      .map(([key]) => key);
  }

  #of(subscription: string, text: string): Exhausted {
    const key = `${shortOf(subscription)} ${text}`;
    const known = this.#exhausted.get(key) ?? {
      copies: new Set(),
      mayRepeat: this.#hadTrouble,
      isExcused: false,
      isSure: false,
      mayArrive: false,
    };
    this.#exhausted.set(key, known);
    return known;
  }

  get count(): number {
    return [...this.#exhausted.values()].reduce((sum, { copies }) => sum + copies.size, 0);
  }
}

const shortOf = (name: string): string => name.slice(name.lastIndexOf('/') + 1);
