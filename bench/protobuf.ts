/**
 * The few pubsub.v1 messages that a load client needs, made and read by hand.
 *
 * A generated codec would cost the client more than the broker spends on a message, and the bench
 * would measure itself. Requests are built once and stamped; replies are scanned without copying.
 */

/** Appends `value` as a base 128 varint. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A length-delimited field. */
export function bytesField(field: number, body: Uint8Array): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
}

export function stringField(field: number, text: string): Buffer {
  return bytesField(field, Buffer.from(text));
}

export function numberField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

/** A gRPC message: not compressed, four bytes of length, the body. */
export function grpcFrame(...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const frame = Buffer.alloc(5 + body.length);
  frame.writeUInt32BE(body.length, 1);
  body.copy(frame, 5);
  return frame;
}

/** A framed PublishRequest, and where in it the data of each message begins. */
export interface PublishFrame {
  readonly frame: Buffer;
  readonly dataOffsets: readonly number[];
}

/** What the messages of a request have beside their data. */
export interface MessageTraits {
  readonly orderingKey?: string;
  readonly attribute?: readonly [key: string, value: string];
}

export function publishFrame(
  topic: string,
  payloads: readonly Uint8Array[],
  { orderingKey, attribute }: MessageTraits = {},
): PublishFrame {
  const more = Buffer.concat([
    ...(attribute ? [bytesField(2, Buffer.concat(attribute.map(entryField)))] : []),
    ...(orderingKey === undefined ? [] : [stringField(5, orderingKey)]),
  ]);
  const parts: Buffer[] = [stringField(1, topic)];
  const dataOffsets: number[] = [];
  let length = 5 + parts[0]!.length;
  for (const payload of payloads) {
    const message = bytesField(2, Buffer.concat([bytesField(1, payload), more]));
    dataOffsets.push(length + message.length - more.length - payload.length);
    parts.push(message);
    length += message.length;
  }
  return { frame: grpcFrame(...parts), dataOffsets };
}

/** Key and value of a map's entry are its fields 1 and 2. */
const entryField = (text: string, index: number): Buffer => stringField(index + 1, text);

/** A cursor over one message's bytes; views, never copies. */
export class ProtobufReader {
  readonly bytes: Buffer;
  readonly end: number;
  position: number;

  constructor(bytes: Buffer, from = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.position = from;
    this.end = end;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.bytes[this.position++];
      if (byte === undefined) throw new Error('a reply ended in the middle of a number');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  }

  #skipBytes(): void {
    const length = this.varint();
    this.position += length;
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.position += 8;
    else if (wireType === 2) this.#skipBytes();
    else if (wireType === 5) this.position += 4;
    else throw new Error(`wire type ${String(wireType)} in a reply`);
  }
}

/** Where an ack id lies in a reply, and the ordinal that was stamped on its message's data. */
export type DeliveryVisitor = (reply: Buffer, from: number, to: number, ordinal: number) => void;

/**
 * Calls `visit` for each ReceivedMessage of a PullResponse or StreamingPullResponse body, or where
 * another tag says that one follows; how many there were.
 */
export function eachDelivery(
  reply: Buffer,
  visit: DeliveryVisitor,
  receivedTag: number = 10,
): number {
  const reader = new ProtobufReader(reply);
  let count = 0;
  while (reader.position < reader.end) {
    const tag = reader.varint();
    if (tag !== receivedTag) {
      reader.skip(tag & 7);
      continue;
    }
    const length = reader.varint();
    visitReceived(reply, reader.position, reader.position + length, visit);
    reader.position += length;
    count++;
  }
  return count;
}

function visitReceived(reply: Buffer, start: number, end: number, visit: DeliveryVisitor): void {
  const reader = new ProtobufReader(reply, start, end);
  let from = 0;
  let to = 0;
  let ordinal = -1;
  while (reader.position < end) {
    const tag = reader.varint();
    if (tag === 10) {
      const length = reader.varint();
      from = reader.position;
      to = reader.position += length;
    } else if (tag === 18) {
      const length = reader.varint();
      ordinal = ordinalOf(reply, reader.position, reader.position + length);
      reader.position += length;
    } else reader.skip(tag & 7);
  }
  visit(reply, from, to, ordinal);
}

/** The first four bytes of a PubsubMessage's data, or -1 without data. */
function ordinalOf(reply: Buffer, start: number, end: number): number {
  const reader = new ProtobufReader(reply, start, end);
  while (reader.position < end) {
    const tag = reader.varint();
    if (tag !== 10) {
      reader.skip(tag & 7);
      continue;
    }
    const length = reader.varint();
    return length >= 4 ? reply.readUInt32BE(reader.position) : -1;
  }
  return -1;
}

/** How many ids a PublishResponse body carries. */
export function publishedCount(reply: Buffer): number {
  const reader = new ProtobufReader(reply);
  let count = 0;
  while (reader.position < reader.end) {
    const tag = reader.varint();
    if (tag === 10) count++;
    reader.skip(tag & 7);
  }
  return count;
}
