import { parsePublishRequest } from '../../../broker/index.ts';
import { checkMessageCount } from '../../pubsub/validation.ts';
import { FieldReader } from '../../wire/field-reader.ts';
import type { ClientFrame, HelloFrame, SettleFrame, SubscribeFrame } from '../frames.ts';
import {
  checkedSettle,
  checkedSubscribe,
  checkId,
  readRequest,
  requestNames,
  type RequestName,
} from './frame-rules.ts';

/** Field numbers are those of websocket.proto; `frame`'s members follow on the id. */
const firstRequestField = 2;

/** A serialised ClientFrame. A publish is sliced: its messages are views of `bytes`. */
export function readProtoFrame(bytes: Buffer): ClientFrame {
  const reader = new FieldReader(bytes, 'ClientFrame');
  const names: RequestName[] = [];
  let id = 0;
  let body = bytes;
  while (reader.next()) {
    if (reader.field === 1) {
      id = reader.integer();
      continue;
    }
    const name = requestNames[reader.field - firstRequestField];
    if (name === undefined) {
      reader.skip();
    } else {
      names.push(name);
      body = reader.bytes();
    }
  }
  return readRequest(id, names, (name) => readBody(name(), id, body));
}

function readBody(name: RequestName, id: number, body: Buffer): ClientFrame {
  switch (name) {
    case 'publish': {
      const { topic, messages } = parsePublishRequest(body);
      checkMessageCount(messages.length);
      return { kind: 'publish', id, topic, messages };
    }
    case 'acknowledge':
      return checkedSettle(readSettle(id, body, 'Acknowledge', null));
    case 'modify_ack_deadline':
      return checkedSettle(readSettle(id, body, 'ModifyAckDeadline', 0));
    case 'subscribe':
      return checkedSubscribe(readSubscribe(id, body));
    case 'unsubscribe':
      return { kind: 'unsubscribe', id, stream: readUnsubscribe(body) };
    case 'hello':
      return readHello(id, body);
    default:
      readNothing(body, 'Ping');
      return { kind: 'ping', id };
  }
}

function readSettle(
  id: number,
  body: Buffer,
  message: string,
  deadline: number | null,
): SettleFrame {
  const reader = new FieldReader(body, message);
  const ackIds: string[] = [];
  let stream = 0;
  let deadlineSeconds = deadline;
  while (reader.next()) {
    if (reader.field === 1) stream = reader.integer();
    else if (reader.field === 2) ackIds.push(reader.text());
    else if (reader.field === 3 && deadline !== null) deadlineSeconds = reader.integer();
    else reader.skip();
  }
  return { kind: 'settle', id, stream, ackIds, deadlineSeconds };
}

function readSubscribe(id: number, body: Buffer): SubscribeFrame {
  const reader = new FieldReader(body, 'Subscribe');
  const texts = { subscription: '', topic: '' };
  const numbers = { ackDeadlineSeconds: 0, outstandingMessagesMax: 0, outstandingBytesMax: 0 };
  while (reader.next()) {
    if (reader.field === 1) texts.subscription = reader.text();
    else if (reader.field === 2) texts.topic = reader.text();
    else if (reader.field === 3) numbers.ackDeadlineSeconds = reader.integer();
    else if (reader.field === 4) numbers.outstandingMessagesMax = reader.integer();
    else if (reader.field === 5) numbers.outstandingBytesMax = reader.integer();
    else reader.skip();
  }
  return { kind: 'subscribe', id, ...texts, ...numbers };
}

function readUnsubscribe(body: Buffer): number {
  const reader = new FieldReader(body, 'Unsubscribe');
  let stream = 0;
  while (reader.next()) {
    if (reader.field === 1) stream = reader.integer();
    else reader.skip();
  }
  checkId(stream, 'unsubscribe.stream');
  return stream;
}

function readHello(id: number, body: Buffer): HelloFrame {
  const reader = new FieldReader(body, 'Hello');
  const positions = new Map<number, number>();
  let sessionId = '';
  let token = '';
  while (reader.next()) {
    if (reader.field === 1) sessionId = reader.text();
    else if (reader.field === 2) token = reader.text();
    else if (reader.field === 3) readPosition(reader.bytes(), positions);
    else reader.skip();
  }
  return { kind: 'hello', id, sessionId, token, positions };
}

function readPosition(body: Buffer, into: Map<number, number>): void {
  const reader = new FieldReader(body, 'StreamPosition');
  let stream = 0;
  let sequence = 0;
  while (reader.next()) {
    if (reader.field === 1) stream = reader.integer();
    else if (reader.field === 2) sequence = reader.integer();
    else reader.skip();
  }
  checkId(stream, 'hello.streams.stream');
  checkId(sequence, 'hello.streams.sequence');
  into.set(stream, sequence);
}

/** A message without fields may still hold some that we do not know. */
function readNothing(body: Buffer, message: string): void {
  const reader = new FieldReader(body, message);
  while (reader.next()) reader.skip();
}
