/** What the subscriber of an exactly-once subscription knows of one message. */
export interface KnownMessage {
  /** Ids of its deliveries, in order. */
  readonly ackIds: string[];
  /**
   * - `free`: it may come at any time.
   * - `leased`: by its last id.
   * - `acked`: answered so.
   * - `unknown`: whether its last ack or nack was carried out, nobody can tell.
   */
  state: 'free' | 'leased' | 'acked' | 'unknown';
  /** Real time before which it may not come again. */
  leasedUntilMs: number;
  /** False: a pull without an answer may have taken it since. */
  isLast: boolean;
}

/** How a request about one id ended; `lost`: nobody knows. */
export type Answer = 'OK' | 'INVALID_ARGUMENT' | 'lost';

/** Two processes read one clock at slightly different moments. */
const marginMs = 25;

/** Everything that an exactly-once subscription promised, and every promise that it broke. */
export class ExactlyOnceAccount {
  readonly messages: Map<string, KnownMessage> = new Map();
  readonly violations: string[] = [];
  /** Deliveries, acks that were answered, and ids from before a kill that still worked after it. */
  readonly counts = { delivered: 0, acked: 0, outlived: 0 };

  /** A publish was sent; answered or not, its messages may come. */
  published(key: string): void {
    this.messages.set(key, {
      ackIds: [],
      state: 'free',
      leasedUntilMs: 0,
      isLast: true,
    });
  }

  /** A message came in the answer, received now, to a pull that was sent at `sentMs`. */
  delivered(key: string, ackId: string, times: { sentMs: number; leaseMs: number }): void {
    const known = this.messages.get(key);
    if (known === undefined) return this.#violate(`${key} came, but nobody published it`);
    const { state, leasedUntilMs } = known;
    if (state === 'acked') this.#violate(`${key} came again after its ack was answered`);
    if (state === 'leased' && Date.now() + marginMs < leasedUntilMs) {
      this.#violate(`${key} came again ${leasedUntilMs - Date.now()} ms before its deadline`);
    }
    if (known.ackIds.includes(ackId)) this.#violate(`${key} came twice with one ack id`);
    known.ackIds.push(ackId);
    known.state = 'leased';
    known.isLast = true;
    known.leasedUntilMs = times.sentMs + times.leaseMs;
    this.counts.delivered++;
  }

  /** A pull had no answer: what was to be had may be leased to nobody. */
  pullLost(): void {
    for (const known of this.messages.values()) {
      if (!this.#isHeld(known)) known.isLast = false;
    }
  }

  acked(key: string, ackId: string, answer: Answer): void {
    const known = this.messages.get(key)!;
    this.#check(`the ack of ${key}`, known, { ackId, answer });
    const isLast = ackId === known.ackIds.at(-1);
    if (!isLast || known.state === 'acked') return;
    if (answer === 'lost') known.state = 'unknown';
    if (answer !== 'OK') return;
    known.state = 'acked';
    this.counts.acked++;
  }

  /** 0 ms: a nack. */
  moved(key: string, ackId: string, answer: Answer, times: { sentMs: number; ms: number }): void {
    const known = this.messages.get(key)!;
    this.#check(`the modack of ${key}`, known, { ackId, answer });
    const isLast = ackId === known.ackIds.at(-1);
    if (!isLast || known.state !== 'leased' || answer === 'INVALID_ARGUMENT') return;
    if (times.ms === 0) known.state = answer === 'OK' ? 'free' : 'unknown';
    const untilMs = times.sentMs + times.ms;
    known.leasedUntilMs = answer === 'OK' ? untilMs : Math.min(untilMs, known.leasedUntilMs);
  }

  /** Those of which nobody has yet said that they are done. */
  open(): string[] {
    return [...this.messages].filter(([, { state }]) => state !== 'acked').map(([key]) => key);
  }

  /** An earlier id never works; the last one does while the message is leased, and once acked. */
  #check(what: string, known: KnownMessage, of: { ackId: string; answer: Answer }): void {
    if (of.answer === 'lost' || known.state === 'unknown') return;
    const isLast = of.ackId === known.ackIds.at(-1);
    if (known.state === 'acked') {
      const isRefused = isLast && what.includes('the ack') && of.answer !== 'OK';
      if (isRefused) this.#violate(`${what} is refused when it is sent again`);
      return;
    }
    if (!isLast && of.answer === 'OK') this.#violate(`${what} by an earlier id is answered OK`);
    if (isLast && this.#isHeld(known) && known.isLast && of.answer !== 'OK') {
      this.#violate(`${what} is refused before its deadline`);
    }
  }

  #isHeld({ state, leasedUntilMs }: KnownMessage): boolean {
    return state === 'leased' && Date.now() + marginMs < leasedUntilMs;
  }

  #violate(what: string): void {
    this.violations.push(what);
  }
}
