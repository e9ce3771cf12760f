const maskBytes = 4;
const finBit = 0x80;
const maskBit = 0x80;
/** Opcodes from here on are control frames, which may come between the fragments of a message. */
const controlOpcodes = 8;

/**
 * Counts the bytes of a message that has begun and not ended, which `ws` holds and does not tell.
 * Reads nothing but the heads of frames (RFC 6455, 5.2); what is wrong in them, `ws` refuses.
 */
export class FrameMeter {
  readonly #head: Uint8Array = new Uint8Array(14);
  #headHave = 0;
  #headNeed = 2;
  #payloadLeft = 0;
  #isFragmented = false;
  #heldBytes = 0;

  /** Of the message under way, heads included; 0 between messages. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes as they came off the wire. */
  count(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      at += this.#payloadLeft > 0 ? this.#payload(chunk.length - at) : this.#headByte(chunk[at]!);
    }
  }

  #payload(available: number): number {
    const taken = Math.min(available, this.#payloadLeft);
    this.#payloadLeft -= taken;
    this.#heldBytes += taken;
    if (this.#payloadLeft === 0) this.#endFrame();
    return taken;
  }

  #headByte(byte: number): number {
    this.#head[this.#headHave++] = byte;
    this.#heldBytes++;
    if (this.#headHave === 2) this.#headNeed = headBytes(byte);
    if (this.#headHave < this.#headNeed) return 1;
    this.#payloadLeft = this.#length();
    if (this.#payloadLeft === 0) this.#endFrame();
    return 1;
  }

  #length(): number {
    const short = this.#head[1]! & 0x7f;
    if (short < 126) return short;
    let length = 0;
    const end = short === 126 ? 4 : 10;
    for (let at = 2; at < end; at++) length = length * 256 + this.#head[at]!;
    return length;
  }

  #endFrame(): void {
    const first = this.#head[0]!;
    this.#headHave = 0;
    this.#headNeed = 2;
    if ((first & 0x0f) < controlOpcodes) this.#isFragmented = (first & finBit) === 0;
    if (!this.#isFragmented) this.#heldBytes = 0;
  }
}

/** Of a whole head, by its second byte. */
function headBytes(second: number): number {
  const short = second & 0x7f;
  const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
  return 2 + extended + ((second & maskBit) === 0 ? 0 : maskBytes);
}
