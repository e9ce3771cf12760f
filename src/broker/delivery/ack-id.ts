import { timingSafeEqual } from 'node:crypto';

/** Writes a 16-byte keyed hash of `input` to `out`. */
export type Mac = (input: Uint8Array, out: Uint8Array) => void;

/** What an ack id names: one delivery of one message to one subscription. */
export interface AckTarget {
  readonly sequence: number;
  readonly epoch: number;
  /** Number of the delivery, modulo 2^16. */
  readonly attempt: number;
}

const version = 1;
const clearBytes = 22;
const macBytes = 14;
const idBytes = clearBytes + macBytes;
/** Characters of every ack id: base64url of 36 bytes. */
const idChars = 48;

/**
 * Ack ids of one (subscription, lane) under one ownership epoch.
 *
 * `version u8 | subscription u48 | lane u16 | epoch u32 | sequence u56 | attempt u16 | MAC 14`, in
 * base64url. The MAC makes them unforgeable and lets an id from before a restart be recognised.
 */
export class AckIds {
  readonly #mac: Mac;
  readonly #scratch: Buffer = Buffer.alloc(idBytes);
  readonly #given: Buffer = Buffer.alloc(idBytes);
  readonly #tag: Uint8Array = new Uint8Array(16);
  readonly #subscription: number;
  readonly #lane: number;

  constructor(mac: Mac, owner: { subscription: number; lane: number; epoch: number }) {
    this.#mac = mac;
    this.#subscription = owner.subscription;
    this.#lane = owner.lane;
    this.#scratch[0] = version;
    this.#scratch.writeUIntBE(owner.subscription, 1, 6);
    this.#scratch.writeUInt16BE(owner.lane, 7);
    this.#scratch.writeUInt32BE(owner.epoch, 9);
  }

  make(sequence: number, attempt: number): string {
    const id = this.#scratch;
    id[13] = 0;
    id.writeUIntBE(sequence, 14, 6);
    id.writeUInt16BE(attempt & 0xffff, 20);
    this.#mac(id.subarray(0, clearBytes), this.#tag);
    for (let i = 0; i < macBytes; i++) id[clearBytes + i] = this.#tag[i]!;
    return id.toString('base64url');
  }

  /** The sequence that an id claims, without checking that it is genuine; -1 if it has no form. */
  claimedSequence(ackId: string): number {
    if (ackId.length !== idChars) return -1;
    if (this.#given.write(ackId, 'base64url') !== idBytes) return -1;
    return this.#given.readUIntBE(14, 6);
  }

  /** What a genuine id of this subscription and lane names; null for anything else. */
  parse(ackId: string): AckTarget | null {
    if (this.claimedSequence(ackId) < 0) return null;
    const given = this.#given;
    if (given[0] !== version || given.readUIntBE(1, 6) !== this.#subscription) return null;
    if (given.readUInt16BE(7) !== this.#lane) return null;
    this.#mac(given.subarray(0, clearBytes), this.#tag);
    if (!timingSafeEqual(given.subarray(clearBytes), this.#tag.subarray(0, macBytes))) return null;
    // Node's decoder also takes the other alphabet of base64: an id has one spelling.
    if (given.toString('base64url') !== ackId) return null;
    return {
      epoch: given.readUInt32BE(9),
      sequence: given.readUIntBE(14, 6),
      attempt: given.readUInt16BE(20),
    };
  }
}
