import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const textOpcode = 1;
const binaryOpcode = 2;
const closeOpcode = 8;
const pingOpcode = 9;
const pongOpcode = 10;

/** A frame made beforehand, whose payload can still be patched where it lies, under its mask. */
export class MaskedFrame {
  readonly bytes: Buffer;
  readonly #payloadAt: number;
  readonly #mask: Buffer;

  constructor(payload: Uint8Array, opcode: number) {
    const { length } = payload;
    const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8;
    this.#payloadAt = 6 + extra;
    this.#mask = randomBytes(4);
    this.bytes = Buffer.alloc(this.#payloadAt + length);
    this.bytes[0] = 0x80 | opcode;
    this.bytes[1] = 0x80 | (extra === 0 ? length : extra === 2 ? 126 : 127);
    if (extra === 2) this.bytes.writeUInt16BE(length, 2);
    if (extra === 8) this.bytes.writeBigUInt64BE(BigInt(length), 2);
    this.bytes.set(this.#mask, this.#payloadAt - 4);
    for (let i = 0; i < length; i++) this.put(i, payload[i]!);
  }

  put(offset: number, byte: number): void {
    this.bytes[this.#payloadAt + offset] = byte ^ this.#mask[offset & 3]!;
  }
}

export function framed(payload: string | Uint8Array): MaskedFrame {
  return typeof payload === 'string'
    ? new MaskedFrame(Buffer.from(payload), textOpcode)
    : new MaskedFrame(payload, binaryOpcode);
}

/**
 * As much of RFC 6455 as a load client needs: frames go out in one write a turn, and what comes in
 * is handed on as views. A library would cost this process more than the server is to be charged.
 */
export class WebSocketConnection {
  /** Takes each data frame's payload. */
  onPayload: (payload: Buffer) => void = () => undefined;
  readonly #socket: Socket;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #neededBytes = 2;
  #isCorked = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Upgrades a new connection. `subprotocol` may be empty. */
  static async open(
    address: string,
    path: string,
    subprotocol: string,
  ): Promise<WebSocketConnection> {
    const port = Number(address.slice(address.lastIndexOf(':') + 1));
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const head = [
      `GET ${path} HTTP/1.1`,
      `host: ${address}`,
      'connection: Upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      `sec-websocket-key: ${randomBytes(16).toString('base64')}`,
      ...(subprotocol === '' ? [] : [`sec-websocket-protocol: ${subprotocol}`]),
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    const connection = new WebSocketConnection(socket);
    await connection.#upgraded();
    return connection;
  }

  send(frame: MaskedFrame): void {
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(frame.bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #upgraded(): Promise<void> {
    let head = Buffer.alloc(0);
    for (;;) {
      const [chunk] = (await once(this.#socket, 'data')) as [Buffer];
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) continue;
      const status = head.toString('latin1', 0, head.indexOf('\r\n'));
      if (!status.startsWith('HTTP/1.1 101')) throw new Error(`upgrade refused: ${status}`);
      this.#socket.on('data', (more: Buffer) => this.#push(more));
      if (head.length > end + 4) this.#push(head.subarray(end + 4));
      return;
    }
  }

  /** Joins chunks only once a whole frame must have arrived. */
  #push(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes < this.#neededBytes) return;
    const bytes = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending);
    const at = this.#read(bytes);
    this.#pending = at < bytes.length ? [bytes.subarray(at)] : [];
    this.#pendingBytes = bytes.length - at;
  }

  /** Reads whole frames; where the first unread one begins. */
  #read(bytes: Buffer): number {
    let at = 0;
    for (;;) {
      this.#neededBytes = 2;
      if (bytes.length - at < 2) return at;
      const short = bytes[at + 1]! & 127;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      this.#neededBytes = head;
      if (bytes.length - at < head) return at;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      this.#neededBytes = head + length;
      if (bytes.length - at < this.#neededBytes) return at;
      this.#take(bytes[at]! & 15, bytes.subarray(at + head, at + head + length));
      at += head + length;
    }
  }

  #take(opcode: number, payload: Buffer): void {
    if (opcode === textOpcode || opcode === binaryOpcode) this.onPayload(payload);
    else if (opcode === pingOpcode) this.send(new MaskedFrame(payload, pongOpcode));
    else if (opcode === closeOpcode) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      throw new Error(`closed by the server: ${String(code)} ${payload.toString('utf8', 2)}`);
    }
  }
}
