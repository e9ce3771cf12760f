import { timingSafeEqual } from 'node:crypto';

/** Writes a 16-byte keyed hash of `input` to `out`. */
export type Mac = (input: Uint8Array, out: Uint8Array) => void;

/** What an ack id names: one delivery of one message to one subscription. */
export interface AckTarget {
  readonly sequence: number;
  readonly epoch: number;
  /** How often the backlog had been replaced when the message was delivered. */
  readonly generation: number;
  /** Number of the delivery, modulo 2^16. */
  readonly attempt: number;
}

/** Epoch and attempt of an ack id as one number. */
export const deliveryOf = (epoch: number, attempt: number): number => epoch * 2 ** 16 + attempt;

/** Where the fields of a version begin. */
interface Layout {
  readonly version: number;
  /** Below 0: the version has none, and is of generation 0. */
  readonly generationAt: number;
  readonly sequenceAt: number;
  readonly attemptAt: number;
  readonly clearBytes: number;
}

const macBytes = 14;
const epochAt = 9;
const first: Layout = {
  version: 1,
  generationAt: -1,
  sequenceAt: 14,
  attemptAt: 20,
  clearBytes: 22,
};
const second: Layout = {
  version: 2,
  generationAt: 13,
  sequenceAt: 17,
  attemptAt: 23,
  clearBytes: 25,
};
const idBytes = second.clearBytes + macBytes;
/** Characters of an id, by version: base64url of 36 bytes, and of 39. */
const firstChars = 48;
const secondChars = 52;

/**
 * Ack ids of one (subscription, lane) under one ownership epoch.
 *
 * `version u8 = 2 | subscription u48 | lane u16 | epoch u32 | generation u32 | sequence u48 |
 * attempt u16 | MAC 14`, in base64url. The MAC makes them unforgeable and lets an id from before a
 * restart or a seek be recognised. Version 1, which is still understood, has `sequence u56` in
 * place of generation and sequence.
 */
export class AckIds {
  readonly #mac: Mac;
  readonly #scratch: Buffer = Buffer.alloc(idBytes);
  readonly #given: Buffer = Buffer.alloc(idBytes);
  readonly #tag: Uint8Array = new Uint8Array(16);
  readonly #subscription: number;
  readonly #lane: number;
  readonly #epoch: number;
  #generation = 0;

  constructor(mac: Mac, owner: { subscription: number; lane: number; epoch: number }) {
    this.#mac = mac;
    this.#subscription = owner.subscription;
    this.#lane = owner.lane;
    this.#epoch = owner.epoch;
    this.#scratch[0] = second.version;
    this.#scratch.writeUIntBE(owner.subscription, 1, 6);
    this.#scratch.writeUInt16BE(owner.lane, 7);
    this.#scratch.writeUInt32BE(owner.epoch, epochAt);
  }

  /** Of the ids that are made from now on. */
  get generation(): number {
    return this.#generation;
  }

  set generation(generation: number) {
    this.#generation = generation;
    this.#scratch.writeUInt32BE(generation, second.generationAt);
  }

  /**
   * Ids from now on are of a generation that no earlier one is of: not even one that was handed out
   * after a seek which a crash undid.
   */
  beginGeneration(): void {
    const ofEpoch = (this.#epoch % 2 ** 16) * 2 ** 16;
    this.generation = Math.max(this.#generation + 1, ofEpoch);
  }

  make(sequence: number, attempt: number): string {
    const id = this.#scratch;
    id.writeUIntBE(sequence, second.sequenceAt, 6);
    id.writeUInt16BE(attempt & 0xffff, second.attemptAt);
    this.#mac(id.subarray(0, second.clearBytes), this.#tag);
    for (let i = 0; i < macBytes; i++) id[second.clearBytes + i] = this.#tag[i]!;
    return id.toString('base64url');
  }

  /** The id of a delivery of this generation that an earlier epoch made. */
  makeAgain(epoch: number, sequence: number, attempt: number): string {
    this.#scratch.writeUInt32BE(epoch, epochAt);
    const ackId = this.make(sequence, attempt);
    this.#scratch.writeUInt32BE(this.#epoch, epochAt);
    return ackId;
  }

  /** The sequence that an id claims, without checking that it is genuine; -1 if it has no form. */
  claimedSequence(ackId: string): number {
    const layout = this.#decode(ackId);
    return layout === null ? -1 : this.#given.readUIntBE(layout.sequenceAt, 6);
  }

  /** Tells deliveries of one message apart: the epoch and attempt that an id claims; or -1. */
  claimedDelivery(ackId: string): number {
    const layout = this.#decode(ackId);
    if (layout === null) return -1;
    return deliveryOf(
      this.#given.readUInt32BE(epochAt),
      this.#given.readUInt16BE(layout.attemptAt),
    );
  }

  /** What a genuine id of this subscription and lane names; null for anything else. */
  parse(ackId: string): AckTarget | null {
    const layout = this.#decode(ackId);
    if (layout === null || !this.#isGenuine(ackId, layout)) return null;
    const given = this.#given;
    const { generationAt, sequenceAt, attemptAt } = layout;
    return {
      epoch: given.readUInt32BE(epochAt),
      generation: generationAt < 0 ? 0 : given.readUInt32BE(generationAt),
      sequence: given.readUIntBE(sequenceAt, 6),
      attempt: given.readUInt16BE(attemptAt),
    };
  }

  /** Writes the bytes of an id to `#given`; null if it has the form of none. */
  #decode(ackId: string): Layout | null {
    if (ackId.length === secondChars) {
      return this.#given.write(ackId, 'base64url') === idBytes ? second : null;
    }
    if (ackId.length !== firstChars) return null;
    const bytes = first.clearBytes + macBytes;
    return this.#given.write(ackId, 'base64url') === bytes ? first : null;
  }

  #isGenuine(ackId: string, { version, clearBytes }: Layout): boolean {
    const given = this.#given.subarray(0, clearBytes + macBytes);
    if (given[0] !== version || given.readUIntBE(1, 6) !== this.#subscription) return false;
    if (given.readUInt16BE(7) !== this.#lane) return false;
    this.#mac(given.subarray(0, clearBytes), this.#tag);
    if (!timingSafeEqual(given.subarray(clearBytes), this.#tag.subarray(0, macBytes))) return false;
    // Node's decoder also takes the other alphabet of base64: an id has one spelling.
    return given.toString('base64url') === ackId;
  }
}
