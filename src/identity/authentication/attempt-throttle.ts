import type { Clock } from '../../runtime/index.ts';
import { hash } from 'node:crypto';

/** What is known of one place that failures come from. */
interface Failures {
  count: number;
  /** Of the monotonic clock. */
  lastMs: number;
  blockedUntilMs: number;
}

/** Whoever tries: from where, and as whom he says that he comes. */
export interface Attempt {
  readonly address: string | undefined;
  /** What the credential claims, of which nothing is verified. */
  readonly identity: string;
}

/** Failures that cost nothing: a wrong setting is corrected meanwhile. */
export const freeFailures = 5;
/** From the sixth to the tenth, the answer to a failure is late. */
export const delayedFailures = 10;
const delayMs = 100;
const blockMs = 1_000;
const blockMsMax = 60_000;
const forgetMs = 900_000;
const goodMs = 3_600_000;

/**
 * Slows whoever guesses: by address (IPv6 by /64) and by the identity that is claimed, each with a
 * table of bounded size. An address is shut out for a while; an identity only has its failures late,
 * as anyone may claim it, from anywhere, to keep its owner out. Who was let in from an address before
 * is counted alone there, so that others behind the same address do not shut him out; and nobody is
 * shut out for longer than a minute at a time.
 */
export class AttemptThrottle {
  readonly #clock: Clock;
  readonly #placesMax: number;
  /** By `a` address, `i` identity, or `p` both; failed longest ago first. */
  readonly #failures: Map<string, Failures> = new Map();
  /** Pairs that were let in, and when last; longest ago first. */
  readonly #good: Map<string, number> = new Map();

  constructor(clock: Clock, placesMax: number) {
    this.#clock = clock;
    this.#placesMax = placesMax;
  }

  get size(): number {
    return this.#failures.size + this.#good.size;
  }

  /** How long nothing is checked for him; 0: he may try. */
  waitMs(attempt: Attempt): number {
    const nowMs = this.#clock.monotonicMs();
    const places = this.#places(attempt, nowMs).filter((place) => !place.startsWith('i'));
    const waits = places.map((place) => (this.#failures.get(place)?.blockedUntilMs ?? 0) - nowMs);
    return Math.max(0, ...waits);
  }

  /** Counts a failure; how long its answer is to wait. */
  failed(attempt: Attempt): number {
    const nowMs = this.#clock.monotonicMs();
    const waits = this.#places(attempt, nowMs).map((place) => this.#count(place, nowMs));
    return Math.max(0, ...waits);
  }

  /** He was let in. */
  succeeded(attempt: Attempt): void {
    const pair = pairOf(attempt);
    this.#good.delete(pair);
    this.#good.set(pair, this.#clock.monotonicMs());
    this.#failures.delete(pair);
    trim(this.#good, this.#placesMax);
  }

  #places(attempt: Attempt, nowMs: number): string[] {
    const pair = pairOf(attempt);
    const sinceMs = this.#good.get(pair);
    if (sinceMs !== undefined && nowMs - sinceMs < goodMs) return [pair];
    return [`a${placeOf(attempt.address)}`, `i${short(attempt.identity)}`];
  }

  #count(place: string, nowMs: number): number {
    const known = this.#failures.get(place);
    const isOld = known === undefined || nowMs - known.lastMs > forgetMs;
    const count = (isOld ? 0 : known.count) + 1;
    const over = count - delayedFailures;
    const blockedUntilMs = over > 0 ? nowMs + Math.min(blockMsMax, blockMs * 2 ** (over - 1)) : 0;
    this.#failures.delete(place);
    this.#failures.set(place, { count, lastMs: nowMs, blockedUntilMs });
    trim(this.#failures, this.#placesMax);
    if (count <= freeFailures) return 0;
    return delayMs * 2 ** (Math.min(count, delayedFailures) - freeFailures - 1);
  }
}

function trim(map: Map<string, unknown>, entriesMax: number): void {
  if (map.size <= entriesMax) return;
  const [oldest] = map.keys();
  map.delete(oldest!);
}

const pairOf = ({ address, identity }: Attempt): string =>
  `p${placeOf(address)} ${short(identity)}`;

const short = (text: string): string => hash('sha256', text, 'base64').slice(0, 22);

/** An IPv4 address, or the /64 of an IPv6 one: a single subscriber has that many addresses. */
export function placeOf(address: string | undefined): string {
  if (address === undefined) return '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address.slice(0, 64);
  const [bare = ''] = address.toLowerCase().split('%');
  const [head = '', tail] = bare.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array.from({ length: zeros }, () => '0'), ...back];
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${network.join(':')}::/64`;
}
