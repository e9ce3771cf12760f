import type { Clock } from '../runtime/index.ts';

/** How long what was opened may still be on its way once its key was revoked; then it is cut off. */
export const flushMs = 250;

/** An answer with opened messages that its client may not have taken yet. */
interface Answer {
  readonly cut: () => void;
}

/**
 * Answers of unary pulls between their making and their last byte's leaving. A client that takes
 * none of it could otherwise read its messages long after their key was revoked.
 */
export class UnsentAnswers {
  readonly #clock: Clock;
  readonly #bySubscription: Map<string, Set<Answer>> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Until the function it returns is called, `cut` may be, and once at most. */
  add(subscription: string, cut: () => void): () => void {
    const answers = this.#bySubscription.get(subscription) ?? new Set<Answer>();
    this.#bySubscription.set(subscription, answers);
    const answer = { cut };
    answers.add(answer);
    return () => {
      answers.delete(answer);
      if (answers.size === 0 && this.#bySubscription.get(subscription) === answers) {
        this.#bySubscription.delete(subscription);
      }
    };
  }

  /** The key behind a subscription's messages was revoked. */
  revoke(subscription: string): void {
    const answers = this.#bySubscription.get(subscription);
    if (answers === undefined) return;
    const unsent = [...answers];
    this.#clock.schedule(this.#clock.monotonicMs() + flushMs, () => {
      for (const answer of unsent) if (answers.delete(answer)) answer.cut();
    });
  }
}
