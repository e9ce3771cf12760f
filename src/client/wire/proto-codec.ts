import { SealpostError } from '../sealpost-error.ts';
import { statusOf } from '../status.ts';
import { readDetail } from './error-details.ts';
import type { Codec, ServerFrame, Subscribed, Welcome } from './frame.ts';
import { checkMessage, settleResults } from './message-check.ts';
import { readDeliver } from './proto-deliver.ts';
import { ProtoReader } from './proto-reader.ts';
import { ProtoWriter } from './proto-writer.ts';

const encoder = new TextEncoder();
const noBytes = new Uint8Array(0);

/** `sealpost.v1.proto`: each WebSocket message is the bytes of one frame. */
export const protoCodec: Codec = {
  subprotocol: 'sealpost.v1.proto',
  hello: ({ sessionId, token, positions }) => {
    const hello = new ProtoWriter().string(1, sessionId).string(2, token);
    for (const [stream, sequence] of positions) {
      hello.message(3, new ProtoWriter().number(1, stream).number(2, sequence).finish());
    }
    return clientFrame(0, 2, hello);
  },
  message: (given) => {
    const { data, attributes, orderingKey } = checkMessage(given);
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    const message = new ProtoWriter(bytes.length + 64).bytes(1, bytes);
    for (const [key, value] of attributes) {
      message.message(2, new ProtoWriter().string(1, key).string(2, value).finish());
    }
    const body = message.string(5, orderingKey).finish();
    return { body, bytes: body.length + 6 };
  },
  publish: (id, topic, messages) => {
    const bytes = messages.reduce((total, message) => total + message.bytes, 0);
    const request = new ProtoWriter(bytes + 3 * topic.length + 16).string(1, topic);
    for (const { body } of messages) request.message(2, body as Uint8Array);
    return clientFrame(id, 3, request);
  },
  subscribe: (id, request) =>
    clientFrame(
      id,
      4,
      new ProtoWriter()
        .string(1, request.subscription)
        .string(2, request.topic)
        .number(3, request.ackDeadlineSeconds)
        .number(4, request.maxOutstandingMessages)
        .number(5, request.maxOutstandingBytes),
    ),
  unsubscribe: (id, stream) => clientFrame(id, 5, new ProtoWriter().number(1, stream)),
  settle: (id, { stream, ackIds, deadlineSeconds }) => {
    const request = new ProtoWriter(ackIds.length * 48 + 16).number(1, stream);
    for (const ackId of ackIds) request.string(2, ackId);
    if (deadlineSeconds === null) return clientFrame(id, 6, request);
    return clientFrame(id, 7, request.number(3, deadlineSeconds));
  },
  ping: () => clientFrame(0, 8, new ProtoWriter()),
  decode: (data) => {
    if (!(data instanceof ArrayBuffer)) throw new TypeError('A frame is not binary.');
    return readServerFrame(new ProtoReader(new Uint8Array(data)));
  },
};

function clientFrame(id: number, field: number, content: ProtoWriter): Uint8Array<ArrayBuffer> {
  const bytes = content.finish();
  return new ProtoWriter(bytes.length + 24).number(1, id).message(field, bytes).finish();
}

function readServerFrame(reader: ProtoReader): ServerFrame {
  let id = 0;
  let frame = 0;
  let content: Uint8Array = noBytes;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.number();
    else if (field < 10) [frame, content] = [field, reader.bytes()];
    else reader.skip();
  }
  return readContent(id, frame, new ProtoReader(content));
}

function readContent(id: number, frame: number, reader: ProtoReader): ServerFrame {
  switch (frame) {
    case 2:
      return readWelcome(reader);
    case 3:
      return { kind: 'published', id, messageIds: readMessageIds(reader) };
    case 4:
      return readSubscribed(id, reader);
    case 5:
      return { kind: 'unsubscribed', id };
    case 6:
      return readDeliver(id, reader);
    case 7:
      return { kind: 'settled', id, results: readResults(reader).map(settleResults) };
    case 8:
      return { kind: 'error', id, error: readError(reader) };
    case 9:
      return { kind: 'pong', id };
    default:
      return { kind: 'unknown', id };
  }
}

function readWelcome(reader: ProtoReader): Welcome {
  let sessionId = '';
  const numbers: number[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) sessionId = reader.string();
    else if (field <= 7) numbers[field] = reader.number();
    else reader.skip();
  }
  return {
    kind: 'welcome',
    id: 0,
    sessionId,
    resumed: numbers[2] === 1,
    keepAliveSeconds: numbers[4] ?? 0,
    maxFrameBytes: numbers[5] ?? 0,
    maxRequests: numbers[6] ?? 0,
  };
}

function readSubscribed(id: number, reader: ProtoReader): Subscribed {
  let subscription = '';
  const numbers: number[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) subscription = reader.string();
    else if (field <= 7) numbers[field] = reader.number();
    else reader.skip();
  }
  return {
    kind: 'subscribed',
    id,
    subscription,
    ephemeral: numbers[2] === 1,
    ackDeadlineSeconds: numbers[3] ?? 0,
    maxOutstandingMessages: numbers[4] ?? 0,
    maxOutstandingBytes: numbers[5] ?? 0,
    exactlyOnceDeliveryEnabled: numbers[6] === 1,
    messageOrderingEnabled: numbers[7] === 1,
  };
}

function readMessageIds(reader: ProtoReader): string[] {
  const ids: string[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) ids.push(reader.string());
    else reader.skip();
  }
  return ids;
}

/** Packed, as every writer of proto3 does. */
function readResults(reader: ProtoReader): number[] {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) return [...reader.bytes()];
    reader.skip();
  }
  return [];
}

function readError(reader: ProtoReader): SealpostError {
  let code = 0;
  const strings: string[] = [];
  const details = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) code = reader.number();
    else if (field <= 4) strings[field] = reader.string();
    else if (field === 5) details.push(readDetail(reader.message()));
    else reader.skip();
  }
  return new SealpostError(statusOf(code), strings[3] ?? '', strings[4] ?? '', { details });
}
