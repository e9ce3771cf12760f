import type { OutgoingFrame } from './frames.ts';

const textOpcode = 0x81;
const binaryOpcode = 0x82;

/** Frames of one turn of the event loop, joined into one write (RFC 6455, 5.2, unmasked). */
export class FrameBatch {
  readonly #isBinary: boolean;
  #frames: OutgoingFrame[] = [];
  #lengths: number[] = [];
  #payloadBytes = 0;

  constructor(isBinary: boolean) {
    this.#isBinary = isBinary;
  }

  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** Returns the frame's payload bytes. */
  add(frame: OutgoingFrame): number {
    const bytes = typeof frame === 'string' ? Buffer.byteLength(frame) : frame.length;
    this.#frames.push(frame);
    this.#lengths.push(bytes);
    this.#payloadBytes += bytes;
    return bytes;
  }

  /** The frames one by one, for a sender that frames them itself. */
  takeFrames(): OutgoingFrame[] {
    const frames = this.#frames;
    this.#reset();
    return frames;
  }

  /** All of it in wire form. */
  takeBytes(): Buffer {
    let total = 0;
    for (const length of this.#lengths) total += headBytes(length) + length;
    const out = Buffer.allocUnsafe(total);
    let at = 0;
    for (let index = 0; index < this.#frames.length; index++) {
      at = this.#write(this.#frames[index]!, this.#lengths[index]!, out, at);
    }
    this.#reset();
    return out;
  }

  #write(frame: OutgoingFrame, length: number, out: Buffer, start: number): number {
    out[start] = this.#isBinary ? binaryOpcode : textOpcode;
    const at = writeLength(length, out, start + 1);
    if (typeof frame !== 'string') out.set(frame, at);
    // One byte to a character, nearly always: the faster of the two ways to the same bytes.
    else out.write(frame, at, length, frame.length === length ? 'latin1' : 'utf8');
    return at + length;
  }

  #reset(): void {
    this.#frames = [];
    this.#lengths = [];
    this.#payloadBytes = 0;
  }
}

const headBytes = (length: number): number => (length < 126 ? 2 : length < 65_536 ? 4 : 10);

function writeLength(length: number, out: Buffer, at: number): number {
  if (length < 126) return out.writeUInt8(length, at);
  if (length < 65_536) {
    out[at] = 126;
    return out.writeUInt16BE(length, at + 1);
  }
  out[at] = 127;
  out.writeUInt16BE(0, at + 1);
  return out.writeUIntBE(length, at + 3, 6);
}
