import { assert } from '../../../src/runtime/index.ts';
import { assertInOrder, earlierOf, laterOf } from './key-order.ts';
import type { Entry, ModelDelivery, ModelMessage, Now, Taker } from './message.ts';
import { isWanted, retentionOf, retryDelayMs, type Terms } from './terms.ts';
import type { ModelTopic } from './topic.ts';

/** A lease may end so long after its deadline, never before. */
export const latenessMs = 100;

/** One subscription as a list of everything that its topic ever got. */
export class ModelSubscription {
  readonly name: string;
  readonly topic: ModelTopic;
  readonly entries: Map<string, Entry> = new Map();
  terms: Terms;
  isDetached = false;
  isDeleted = false;
  /** Ack ids of an earlier generation name nothing any more: a seek lies between. */
  generation = 0;
  /** A seek could not be made durable: a restart may undo it, and with it the generation. */
  isTorn = false;
  wasSought = false;
  /** Seeks that were called and not yet answered. */
  seeking = 0;
  /** A lease was ended by something else than an ack, a nack or its deadline. */
  hasVoided = false;
  /** Leases that outlived a restart. */
  restoredCount = 0;
  #wallAheadMs = 0;
  /** Leases may be there of which nobody outside knows. */
  #isBlurred = false;

  constructor(name: string, topic: ModelTopic, terms: Terms) {
    this.name = name;
    this.topic = topic;
    this.terms = terms;
    for (const message of topic.messages.values()) this.#enter(message, 'done');
  }

  /** Published since it exists: owed, unless its filter says otherwise. */
  add(message: ModelMessage, fate: Entry['fate'] = 'owed'): void {
    if (!this.isDetached) this.#enter(message, fate);
  }

  /** The publish was refused: it must never come. */
  forget(message: ModelMessage): void {
    this.entries.delete(message.text);
  }

  /**
   * Takes over what was just handed out; throws if it should not have been. `leasedMs`: its deadline
   * counts from then at the earliest.
   */
  deliver(got: ModelDelivery, taker: Taker, now: Now, leasedMs: number): void {
    const entry = this.#expected(got);
    this.topic.identify(entry.message, got);
    this.#failDying(entry, now);
    this.#assertTime(entry, now);
    if (this.terms.isOrdered && this.seeking === 0) {
      assertInOrder(entry, taker, {
        entries: this.entries.values(),
        mayBeGone: (each) => this.isPast(each, now.wallMs) || this.isDying(each, now),
      });
    }
    this.#checkAttempt(entry, got.deliveryAttempt);
    entry.fate = this.seeking > 0 ? 'doubtful' : 'owed';
    entry.isAhead = false;
    entry.isTouched = true;
    entry.isRestored = false;
    entry.isIdUnclear = false;
    entry.wasPast = false;
    entry.latestAckId = got.ackId;
    const untilMs = leasedMs + taker.ackDeadlineMs;
    const latestMs = now.nowMs + taker.ackDeadlineMs;
    entry.lease = {
      ackId: got.ackId,
      taker,
      untilMs,
      takenMs: now.nowMs,
      storedUntilMs: untilMs,
      perhapsUntilMs: latestMs,
      isCertain: this.seeking === 0,
      isDurable: this.terms.isExactlyOnce,
    };
    this.#checkFlow(taker, now);
  }

  /** The ack that `request` is about to ask for; whether it is durable is known with its answer. */
  ack(text: string, ackId: string, request: object, now: Now): void {
    const entry = this.entries.get(text);
    if (entry === undefined || entry.fate === 'done') return;
    entry.isTouched = true;
    const isSure = this.seeking === 0 && entry.lease?.isCertain !== false;
    if (!this.terms.isOrdered) this.#done(entry, isSure ? request : null);
    else if (!isSure) this.#doubt(entry);
    else if (entry.message.key !== '') this.#ackInOrder(entry, ackId, request, now);
    // What a restart left is looked at before anybody knows that it has no key.
    else this.#done(entry, entry.isRestored ? null : request);
  }

  /** Of a key only the last delivery counts, and it waits for what comes before it. */
  #ackInOrder(entry: Entry, ackId: string, request: object, now: Now): void {
    if (entry.latestAckId !== ackId || entry.isAhead) return;
    const { lease } = entry;
    const isLeased = lease !== null && lease.untilMs > now.nowMs;
    const isPerhapsLeased = (lease !== null && !isLeased) || entry.isIdUnclear;
    const isBehind = this.#hasOwedBefore(entry, now);
    if (isBehind && !isPerhapsLeased) {
      if (isLeased) this.#ahead(entry);
      return;
    }
    const isClear = this.#earlier(entry).every(({ fate }) => fate === 'done');
    this.#done(entry, isClear && !isPerhapsLeased ? request : null);
    this.#catchUp(entry, request, now);
  }

  /** The request was answered: what it acknowledged, and nothing undid, is so for good. */
  confirm(request: object): void {
    for (const entry of this.entries.values()) {
      if (entry.request !== request) continue;
      entry.isDurable = entry.fate === 'done';
      entry.request = null;
    }
  }

  /** Exactly once, and answered: whatever happens now, it does not come again. */
  ackedOnce(text: string, ackId: string, request: object): void {
    const entry = this.entries.get(text);
    if (entry !== undefined && entry.latestAckId === ackId) this.#done(entry, request);
  }

  /** Exactly once, and answered that its ack changed nothing. */
  stillOwed(text: string): void {
    const entry = this.entries.get(text);
    if (entry?.fate === 'doubtful') entry.fate = 'owed';
  }

  /** Its lease was moved by an id that a seek may have ended. */
  doubtLease(text: string, ackId: string): void {
    const entry = this.entries.get(text);
    if (entry?.lease?.ackId !== ackId) return;
    entry.lease.untilMs = 0;
    entry.lease.perhapsUntilMs = Infinity;
    entry.failures = [entry.failures[0], entry.failures[1] + 1];
  }

  /** Nobody can say any more whether it is acknowledged. */
  doubt(text: string): void {
    const entry = this.entries.get(text);
    if (entry !== undefined && !(entry.fate === 'done' && entry.isDurable)) this.#doubt(entry);
  }

  /** A new deadline, or none (0), for the delivery that `ackId` names if that is the latest. */
  modify(text: string, ackId: string, seconds: number, now: Now): void {
    const entry = this.entries.get(text);
    const lease = entry?.lease;
    if (!entry || !lease || lease.ackId !== ackId || entry.fate === 'done' || entry.isAhead) return;
    const isSurelyThere = lease.untilMs > now.nowMs;
    if (seconds * 1000 < lease.untilMs - now.nowMs) lease.isDurable = false;
    if (seconds === 0) {
      if (lease.isCertain) this.#fail(entry, now.nowMs, true);
      else lease.untilMs = 0;
    } else if (isSurelyThere) lease.untilMs = now.nowMs + seconds * 1000;
    else lease.perhapsUntilMs = now.nowMs + seconds * 1000;
  }

  /** A push request ended without an ack: a failure, surely or perhaps (we cut it ourselves). */
  release(text: string, ackId: string, isFailure: boolean, now: Now): void {
    if (isFailure) {
      this.modify(text, ackId, 0, now);
      return;
    }
    const entry = this.entries.get(text);
    if (entry?.lease?.ackId !== ackId) return;
    entry.lease = null;
    this.#mayHaveFailed(entry);
    if (this.terms.isOrdered) this.#rewind(entry, false, 0);
  }

  /** Deadlines that have surely passed. */
  pass(now: Now): void {
    this.#wallAheadMs = now.wallMs - now.nowMs;
    for (const entry of this.entries.values()) {
      // For good: a retention that is longer from now on does not bring back what was let go.
      entry.wasPast ||= this.isPast(entry, now.wallMs);
      if (entry.fate === 'owed' && entry.wasPast) this.#doubt(entry);
      const { lease } = entry;
      if (lease !== null && !entry.isAhead && entry.fate !== 'done') {
        const latestMs = Math.max(lease.untilMs, lease.perhapsUntilMs) + latenessMs;
        if (latestMs < now.nowMs) this.#fail(entry, lease.untilMs);
      }
      if (entry.fate !== 'owed' && !this.isKept(entry, now)) entry.isPerhapsTrimmed = true;
    }
  }

  /** Leases are gone with the process, and acks that were not answered may be. */
  crash(now: Now): void {
    this.pass(now);
    this.restoredCount = this.entries.size;
    if (this.isTorn) this.generation += 1 / 1024;
    this.isTorn = false;
    for (const entry of this.entries.values()) {
      if (entry.isAhead || (entry.fate === 'done' && !entry.isDurable)) entry.fate = 'doubtful';
      if (this.isDying(entry, now)) this.#mayHaveFailed(entry);
      const isKept = entry.lease?.isDurable === true && this.terms.isExactlyOnce;
      if (isKept) entry.lease!.untilMs = entry.lease!.storedUntilMs;
      if (this.terms.isExactlyOnce) {
        this.#mayHaveFailed(entry);
        entry.isIdUnclear = true;
      }
      if (!isKept) {
        entry.lease = null;
        entry.failures = [0, entry.failures[1]];
        entry.notBeforeMs = 0;
        if (this.terms.isOrdered && entry.message.key !== '') entry.latestAckId = '';
      }
      entry.isRestored = true;
      entry.isAhead = false;
      entry.request = null;
    }
    this.#isBlurred ||= this.terms.isExactlyOnce;
  }

  /** Its time is over by what retains it, whether it was swept or not. */
  isPast({ message }: Entry, wallMs: number): boolean {
    const { isDeleted, retentionMs } = this.topic;
    return message.earliestMs + retentionOf(this.terms, isDeleted ? 0 : retentionMs) <= wallMs;
  }

  /** Its last attempt may just be over: then it is brought to the dead letter topic. */
  isDying({ lease, failures }: Entry, { nowMs }: Now): boolean {
    const attemptsMax = this.terms.deadLetter?.attemptsMax ?? Infinity;
    return lease !== null && lease.untilMs <= nowMs && failures[1] + 1 >= attemptsMax;
  }

  /** A seek finds it though it is acknowledged. */
  isKept(entry: Entry, { wallMs }: Now): boolean {
    const { isDeleted, retentionMs } = this.topic;
    const { earliestMs } = entry.message;
    if (!isDeleted && retentionMs !== undefined && earliestMs + retentionMs > wallMs) return true;
    return this.terms.retainAcked && earliestMs + this.terms.retentionMs > wallMs;
  }

  /** A sweep has passed and is durable: what is older than the retention must be gone. */
  swept(wallMs: number): void {
    const retentionMs = retentionOf(this.terms, this.topic.retentionMs);
    for (const entry of this.entries.values()) {
      if (entry.message.latestMs + retentionMs >= wallMs) continue;
      if (entry.lease !== null) this.hasVoided = true;
      entry.fate = 'done';
      entry.lease = null;
      entry.isAhead = false;
      entry.isDurable = true;
      entry.isPerhapsTrimmed = true;
    }
  }

  /** Its settings changed. What is outstanding goes on by the old ones, or by the new. */
  change(terms: Terms): void {
    const isOther = terms.isExactlyOnce !== this.terms.isExactlyOnce;
    this.terms = terms;
    for (const entry of this.entries.values()) {
      entry.notBeforeMs = 0;
      if (isOther && entry.lease !== null) entry.lease.isDurable = false;
    }
  }

  /** Nothing is left of it, and nothing comes. */
  detach(): void {
    this.isDetached = true;
    this.hasVoided = true;
    this.entries.clear();
  }

  /** Something in it was changed and its answer never came. */
  blur(): void {
    this.hasVoided = true;
    this.#isBlurred = true;
    for (const entry of this.entries.values()) {
      entry.fate = 'doubtful';
      entry.failures = [0, entry.failures[1] + (entry.lease === null ? 0 : 1)];
      entry.lease = null;
      entry.isAhead = false;
      entry.request = null;
      entry.notBeforeMs = 0;
    }
  }

  /** Texts that it still owes to its consumers. */
  owed(now: Now): string[] {
    return this.#texts((entry) => this.#isSurelyOwed(entry, now));
  }

  /** How many unacknowledged messages there are, at least and at most. */
  backlogRange(now: Now): readonly [number, number] {
    return [
      // Where a seek went over what nobody had read, the matches of a filter are estimated.
      this.wasSought && this.terms.filter.text !== '' ? 0 : this.owed(now).length,
      this.topic.hasCopies ? Infinity : this.#texts(({ fate }) => fate !== 'done').length,
    ];
  }

  /** How many are leased, at least and at most. */
  outstandingRange(now: Now): readonly [number, number] {
    const isPerhaps = ({ lease }: Entry): boolean => {
      const untilMs = lease === null ? 0 : Math.max(lease.untilMs, lease.perhapsUntilMs);
      return this.#isBlurred || untilMs + latenessMs >= now.nowMs;
    };
    return [
      this.#texts((each) => this.#isSurelyLeased(each, now)).length,
      this.#texts((each) => each.fate !== 'done' && isPerhaps(each)).length,
    ];
  }

  #expected({ text, attributes }: ModelDelivery): Entry {
    const entry = this.entries.get(text);
    assert(!this.isDeleted, `delivered after its subscription was deleted: ${text}`);
    assert(!this.isDetached, `delivered after a detach: ${text}`);
    assert(!this.topic.isRevoked, `delivered under a revoked key: ${text}`);
    assert(isWanted(this.terms, attributes), `the filter excludes what was delivered: ${text}`);
    assert(entry, `delivered what was never published here: ${text}`);
    assert(
      this.seeking > 0 || entry.fate !== 'done',
      `delivered again after its ack or its retention: ${text}`,
    );
    return entry;
  }

  /**
   * An earlier one of its key may have had its last attempt: that brings back what follows, and is
   * seen by nothing else, for it goes to the dead letter topic and does not come again.
   */
  #failDying(entry: Entry, now: Now): void {
    const { lease } = entry;
    if (!this.terms.isOrdered || this.seeking > 0 || lease === null) return;
    const dying = this.#earlier(entry).find((each) => this.isDying(each, now));
    if (!dying?.lease) return;
    // Where its own deadline has passed as well, it may have come for that reason alone.
    dying.isIdUnclear ||= lease.untilMs <= now.nowMs;
    this.#fail(dying, dying.lease.untilMs);
  }

  #assertTime(entry: Entry, now: Now): void {
    const { lease } = entry;
    const { text } = entry.message;
    if (this.seeking > 0) return;
    if (lease !== null) {
      const isOver = lease.untilMs <= now.nowMs || !lease.isCertain;
      assert(isOver, `delivered while it was outstanding: ${text}`);
      this.#fail(entry, lease.untilMs);
    }
    assert(entry.notBeforeMs <= now.nowMs, `delivered before its retry delay was over: ${text}`);
  }

  #checkAttempt(entry: Entry, attempt: number): void {
    const { text } = entry.message;
    if (this.terms.deadLetter === null) {
      assert(attempt === 0, `delivery attempt ${attempt} without a dead letter policy: ${text}`);
      return;
    }
    const [known, most] = entry.failures;
    const least = this.seeking > 0 ? 0 : known;
    const isRight = least + 1 <= attempt && attempt <= most + 1;
    assert(isRight, `delivery attempt ${attempt}, not ${least + 1} to ${most + 1}: ${text}`);
    entry.failures = [attempt - 1, attempt - 1];
  }

  #checkFlow(taker: Taker, now: Now): void {
    const held = this.#texts(
      (each) => each.lease?.taker === taker && this.#isSurelyLeased(each, now),
    );
    assert(held.length <= taker.outstandingMax, 'more outstanding than flow control allows');
  }

  #done(entry: Entry, request: object | null): void {
    if (request === null) {
      this.#doubt(entry);
      return;
    }
    entry.fate = 'done';
    entry.isAhead = false;
    entry.isDurable = false;
    entry.request = request;
    entry.lease = null;
  }

  #doubt(entry: Entry): void {
    entry.fate = 'doubtful';
    entry.isAhead = false;
    if (entry.lease !== null) entry.lease = { ...entry.lease, isCertain: false };
  }

  #ahead(entry: Entry): void {
    entry.isAhead = true;
    entry.lease = null;
  }

  /** An earlier one was acknowledged: so are those that were acknowledged ahead of it. */
  #catchUp(entry: Entry, request: object, now: Now): void {
    for (const later of laterOf(entry, this.entries.values())) {
      if (later.fate === 'owed' && !later.isAhead) break;
      if (!later.isAhead || this.#hasOwedBefore(later, now)) continue;
      const isSure = this.#earlier(later).every(({ fate }) => fate === 'done');
      this.#done(later, isSure ? request : null);
    }
  }

  #hasOwedBefore(entry: Entry, now: Now): boolean {
    const isOwed = (each: Entry): boolean => each.fate === 'owed' && !this.isPast(each, now.wallMs);
    return this.#earlier(entry).some(isOwed);
  }

  #earlier(entry: Entry): Entry[] {
    return earlierOf(entry, this.entries.values());
  }

  /** A nack or an expiry: it comes again, and with it everything after it of its key. */
  #fail(entry: Entry, atMs: number, isNack = false): void {
    const [least, most] = entry.failures;
    const isSure = entry.lease?.isCertain !== false && entry.fate === 'owed';
    const sure = isSure ? 1 : 0;
    entry.failures = [least + sure, most + 1];
    entry.lease = null;
    entry.notBeforeMs = sure === 0 ? 0 : atMs + retryDelayMs(this.terms, least + 1);
    if (this.terms.isOrdered) this.#rewind(entry, isSure, isNack ? Infinity : atMs);
    const { deadLetter } = this.terms;
    if (deadLetter === null || most + 1 < deadLetter.attemptsMax) return;
    // What was swept meanwhile is brought nowhere.
    const wallMs = atMs + this.#wallAheadMs + 5_000;
    entry.isExhausted = least + sure >= deadLetter.attemptsMax && !this.isPast(entry, wallMs);
    entry.fate = 'doubtful';
    entry.notBeforeMs = 0;
  }

  /** A lease of which nobody outside knows may have ended: on the disk, or in its last moment. */
  #mayHaveFailed(entry: Entry): void {
    entry.failures = [entry.failures[0], entry.failures[1] + 1];
    const attemptsMax = this.terms.deadLetter?.attemptsMax ?? Infinity;
    if (entry.fate === 'owed' && entry.failures[1] >= attemptsMax) this.#doubt(entry);
  }

  /** What was handed out of its key after it waits again, surely or perhaps. */
  #rewind(entry: Entry, isSure: boolean, beforeMs: number): void {
    for (const later of laterOf(entry, this.entries.values())) {
      if (later.fate === 'done') continue;
      if (later.lease === null && !later.isAhead) continue;
      this.hasVoided = true;
      this.#mayHaveFailed(later);
      // What was handed out since the deadline may have been so because of it.
      if (isSure && (later.lease?.takenMs ?? 0) < beforeMs) {
        // If their deadlines passed together it failed by itself, and its id still counts.
        const isTogether = later.lease !== null && later.lease.untilMs <= beforeMs + latenessMs;
        if (isTogether && beforeMs !== Infinity) {
          later.isIdUnclear = true;
        } else later.latestAckId = '';
        later.isAhead = false;
        later.lease = null;
      } else if (later.isAhead) this.#doubt(later);
      else if (later.lease !== null) later.lease = { ...later.lease, isCertain: false };
    }
  }

  #isSurelyOwed(entry: Entry, now: Now): boolean {
    const { message, fate, isAhead } = entry;
    const isThere = message.id !== undefined && !this.isPast(entry, now.wallMs);
    return isThere && fate === 'owed' && !isAhead && !this.isDying(entry, now);
  }

  #isSurelyLeased(entry: Entry, now: Now): boolean {
    const { lease } = entry;
    if (lease === null || !lease.isCertain || entry.fate !== 'owed') return false;
    return lease.untilMs > now.nowMs && !this.isPast(entry, now.wallMs);
  }

  #texts(isWantedEntry: (entry: Entry) => boolean): string[] {
    return [...this.entries.values()].filter(isWantedEntry).map(({ message }) => message.text);
  }

  #enter(message: ModelMessage, fate: Entry['fate']): void {
    if (!isWanted(this.terms, message.attributes)) return;
    const isDone = fate === 'done';
    this.entries.set(message.text, {
      message,
      fate,
      lease: null,
      isAhead: false,
      isDurable: isDone,
      request: null,
      failures: [0, 0],
      notBeforeMs: 0,
      isExhausted: false,
      isPerhapsTrimmed: isDone,
      wasPast: false,
      isTouched: false,
      isRestored: false,
      isIdUnclear: false,
      latestAckId: '',
    });
  }
}
