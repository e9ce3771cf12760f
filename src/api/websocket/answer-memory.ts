import type { WireError } from '../error-mapping.ts';
import { webSocketLimits as limits } from './limits.ts';

/** What a request came to, in no wire's form: the client may come back with the other one. */
export type Answer = { readonly messageIds: readonly string[] } | { readonly error: WireError };

interface Remembered {
  readonly answer: Answer;
  /** The first ping sent after it. */
  readonly ping: number;
}

interface Repeated {
  readonly answer: Answer;
  /** When it was sent again for the first time. */
  readonly sinceMs: number;
}

/**
 * Answers that a client may have missed, by request: of publishes, and of what ended a stream. A
 * publish that is sent again is answered from here and never published twice.
 */
export class AnswerMemory {
  /** In order of answering. */
  readonly #recent: Map<number, Remembered> = new Map();
  /** What was sent again on a later connection, in order of that. */
  readonly #repeated: Map<number, Repeated> = new Map();

  get size(): number {
    return this.#recent.size + this.#repeated.size;
  }

  get hasRepeated(): boolean {
    return this.#repeated.size > 0;
  }

  remember(id: number, answer: Answer, ping: number): void {
    this.#recent.set(id, { answer, ping });
    // A client that answers no pings has no claim to what they are for.
    dropOldest(this.#recent);
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
   * All that was not confirmed, to be sent again. Kept for as long as a session may be resumed,
   * whatever the client confirms: a browser answers pings before its page has read what came ahead
   * of them, and the page may send a publish again meanwhile.
   */
  repeat(nowMs: number): [id: number, answer: Answer][] {
    this.forgetRepeated(nowMs);
    for (const [id, { answer }] of this.#recent) {
      this.#repeated.set(id, { answer, sinceMs: nowMs });
      dropOldest(this.#repeated);
    }
    this.#recent.clear();
    return [...this.#repeated].map(([id, { answer }]) => [id, answer]);
  }

  /** Forgets what was repeated long enough ago. */
  forgetRepeated(nowMs: number): void {
    for (const [id, { sinceMs }] of this.#repeated) {
      if (sinceMs + limits.resumeMs > nowMs) return;
      this.#repeated.delete(id);
    }
  }
}

function dropOldest(map: Map<number, unknown>): void {
  if (map.size <= limits.unconfirmedMax) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
