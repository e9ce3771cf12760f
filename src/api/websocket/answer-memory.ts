import type { WireError } from '../error-mapping.ts';
import { webSocketLimits as limits } from './limits.ts';

/** What a request came to, in no wire's form: the client may come back with the other one. */
export type Answer = { readonly messageIds: readonly string[] } | { readonly error: WireError };

interface Remembered {
  readonly answer: Answer;
  /** The first ping sent after it. */
  readonly ping: number;
}

/**
 * Answers that a client may have missed, by request: of publishes, and of what ended a stream. A
 * publish that is sent again is answered from here and never published twice.
 */
export class AnswerMemory {
  /** In order of answering. */
  #recent: Map<number, Remembered> = new Map();
  /** What was sent again on a new connection. */
  #repeated: Map<number, Remembered> = new Map();

  get size(): number {
    return this.#recent.size + this.#repeated.size;
  }

  remember(id: number, answer: Answer, ping: number): void {
    this.#recent.set(id, { answer, ping });
    if (this.#recent.size <= limits.unconfirmedMax) return;
    // This client answers no pings: it has no claim to what they are for.
    for (const oldest of this.#recent.keys()) {
      this.#recent.delete(oldest);
      return;
    }
  }

  find(id: number): Answer | undefined {
    return (this.#recent.get(id) ?? this.#repeated.get(id))?.answer;
  }

  /** Everything before this ping arrived. */
  confirm(ping: number): void {
    for (const [id, remembered] of this.#recent) {
      if (remembered.ping > ping) return;
      this.#recent.delete(id);
    }
  }

  /**
   * All that was not confirmed, to be sent again. Kept until `forgetRepeated`, whatever the client
   * confirms: a browser answers pings before its page has read what came ahead of them, and the
   * page may send a publish again meanwhile.
   */
  repeat(): [id: number, answer: Answer][] {
    for (const [id, remembered] of this.#recent) this.#repeated.set(id, remembered);
    this.#recent = new Map();
    return [...this.#repeated].map(([id, { answer }]) => [id, answer]);
  }

  forgetRepeated(): void {
    this.#repeated.clear();
  }
}
