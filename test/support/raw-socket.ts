import { connect, type Socket } from 'node:net';

/** What a peer was told at the end: a close frame, or nothing. */
export interface RawEnd {
  /** 1006: no close frame came. */
  readonly code: number;
  readonly reason: string;
}

export interface RawFrame {
  readonly opcode: number;
  readonly payload?: Uint8Array;
  readonly fin?: boolean;
  readonly rsv1?: boolean;
  readonly masked?: boolean;
  /** Claimed in place of the payload's own. */
  readonly length?: bigint;
}

const mask = [1, 2, 3, 4];

/** A WebSocket client that keeps no rule it does not want to (RFC 6455, 5.2). */
export class RawSocket {
  readonly socket: Socket;
  /** Head of the server's answer to the upgrade. */
  readonly head: Promise<string>;
  readonly ended: Promise<RawEnd>;
  /** Payloads of the text and binary frames that came. */
  readonly texts: string[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #end: RawEnd = { code: 1006, reason: '' };
  #watchers: (() => void)[] = [];

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    const { hostname, port } = new URL(url);
    this.socket = connect(Number(port), hostname);
    const head = Promise.withResolvers<string>();
    const ended = Promise.withResolvers<RawEnd>();
    this.head = head.promise;
    this.ended = ended.promise;
    let isOpen = false;
    this.socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      const end = isOpen ? 0 : this.#bytes.indexOf('\r\n\r\n') + 4;
      if (!isOpen && end < 4) return;
      if (!isOpen) head.resolve(this.#bytes.toString('latin1', 0, end));
      this.#bytes = this.#bytes.subarray(end);
      isOpen = true;
      this.#read();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      ended.resolve(this.#end);
      this.#look();
    });
    this.socket.write(requestOf(headers));
  }

  /** Upgraded, and welcomed to a session of `sealpost.v1.json`. */
  static async welcomed(
    url: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RawSocket> {
    const raw = new RawSocket(url, headers);
    await raw.head;
    raw.text('{"hello":{}}');
    await raw.until((text) => text.includes('"welcome"'));
    return raw;
  }

  /** False once the socket wants no more for now. */
  frame(frame: RawFrame): boolean {
    return this.socket.write(bytesOf(frame));
  }

  text(text: string): void {
    this.frame({ opcode: 1, payload: Buffer.from(text) });
  }

  /** The first text that fits, of those that came and those that come. */
  until(fits: (text: string) => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.texts.find(fits);
        if (found !== undefined) resolve(found);
        else if (this.socket.closed) reject(new Error('The connection is closed.'));
        else this.#watchers.push(look);
      };
      look();
    });
  }

  #look(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const look of watchers) look();
  }

  #read(): void {
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
      const { opcode, payload } = frame;
      if (opcode === 8) {
        const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
        this.#end = { code, reason: payload.toString('utf8', 2) };
        this.socket.end();
      } else if (opcode < 8) this.texts.push(payload.toString());
    }
    this.#look();
  }

  #next(): { opcode: number; payload: Buffer } | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    const short = bytes[1]! & 0x7f;
    const start = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < start) return undefined;
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(2)
          : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + length) return undefined;
    this.#bytes = bytes.subarray(start + length);
    return { opcode: bytes[0]! & 0x0f, payload: bytes.subarray(start, start + length) };
  }
}

function requestOf(headers: Readonly<Record<string, string>>): string {
  const all = {
    host: 'localhost',
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-protocol': 'sealpost.v1.json',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `GET /v1/websocket HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** A frame as a client sends it. */
export function bytesOf(frame: RawFrame): Buffer {
  const { opcode, payload = new Uint8Array(0), fin = true, rsv1 = false, masked = true } = frame;
  const length = frame.length ?? BigInt(payload.length);
  const short = length < 126n ? Number(length) : length < 65_536n ? 126 : 127;
  const head = [(fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode, (masked ? 0x80 : 0) | short];
  const extended = Buffer.alloc(short === 127 ? 8 : short === 126 ? 2 : 0);
  if (short === 127) extended.writeBigUInt64BE(length);
  else if (short === 126) extended.writeUInt16BE(Number(length));
  const body = Buffer.from(payload);
  if (masked) for (let at = 0; at < body.length; at++) body[at]! ^= mask[at & 3]!;
  return Buffer.concat([Buffer.from(head), extended, Buffer.from(masked ? mask : []), body]);
}
