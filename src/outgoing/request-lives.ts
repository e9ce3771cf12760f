import type { Clock } from '../runtime/index.ts';
import { AbortListeners } from './abort-listeners.ts';
import { OutgoingError } from './outgoing-client.ts';

/** What can end a request before its time. */
interface Life {
  /** Aborts with what is to be thrown. */
  readonly signal: AbortSignal;
  /** Lets it take longer. */
  readonly disarm: () => void;
  readonly end: () => void;
}

interface Mortal {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The requests that are under way: each ends with its caller, its time, or the client. */
export class RequestLives {
  readonly #clock: Clock;
  readonly #running: Set<AbortController> = new Set();
  readonly #aborts = new AbortListeners();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws why a request may not begin. */
  check({ signal }: Mortal): void {
    signal.throwIfAborted();
    if (this.#isClosed) throw closed();
  }

  begin({ signal, timeoutMs }: Mortal): Life {
    const life = new AbortController();
    const timeout = (): void => life.abort(timedOut(timeoutMs));
    const ignore = this.#aborts.add(signal, () => life.abort(signal.reason));
    const disarm = this.#clock.schedule(this.#clock.monotonicMs() + timeoutMs, timeout);
    this.#running.add(life);
    const end = (): void => {
      this.#running.delete(life);
      disarm();
      ignore();
    };
    return { signal: life.signal, disarm, end };
  }

  close(): void {
    this.#isClosed = true;
    for (const life of this.#running) life.abort(closed());
  }
}

function timedOut(ms: number): OutgoingError {
  return new OutgoingError('timeout', `There was no whole answer within ${ms / 1_000} s.`);
}

function closed(): OutgoingError {
  return new OutgoingError('aborted', 'The server is stopping.');
}
