import { SealpostError, type ErrorDetail } from '../sealpost-error.ts';
import { statusOf } from '../status.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { Codec, Deliver, ReceivedMessage, ServerFrame, Subscribed, Welcome } from './frame.ts';
import { checkMessage, settleResults } from './message-check.ts';

const encoder = new TextEncoder();

/** `sealpost.v1.json`: each WebSocket message is one frame as proto3 JSON. */
export const jsonCodec: Codec = {
  subprotocol: 'sealpost.v1.json',
  hello: ({ sessionId, token, positions }) => {
    const streams = [...positions].map(([stream, sequence]) => ({ stream, sequence }));
    return JSON.stringify({ hello: { sessionId, token, streams } });
  },
  message: (given) => {
    const { data, attributes, orderingKey } = checkMessage(given);
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    const named = attributes.map(([key, value]) => `${quoted(key)}:${quoted(value)}`);
    const fields = [`"data":"${encodeBase64(bytes)}"`];
    if (named.length > 0) fields.push(`"attributes":{${named.join()}}`);
    if (orderingKey !== '') fields.push(`"orderingKey":${quoted(orderingKey)}`);
    const body = `{${fields.join()}}`;
    return { body, bytes: utf8Bytes(body) + 1 };
  },
  publish: (id, topic, messages) => {
    const bodies = messages.map(({ body }) => body as string);
    return `{"id":${id},"publish":{"topic":${quoted(topic)},"messages":[${bodies.join()}]}}`;
  },
  subscribe: (id, { subscription, topic, ...rest }) => {
    const source = topic === '' ? { subscription } : { topic };
    return JSON.stringify({ id, subscribe: { ...source, ...rest } });
  },
  unsubscribe: (id, stream) => JSON.stringify({ id, unsubscribe: { stream } }),
  settle: (id, { stream, ackIds, deadlineSeconds }) => {
    if (deadlineSeconds === null) return JSON.stringify({ id, acknowledge: { stream, ackIds } });
    const modifyAckDeadline = { stream, ackIds, ackDeadlineSeconds: deadlineSeconds };
    return JSON.stringify({ id, modifyAckDeadline });
  },
  ping: () => '{"ping":{}}',
  decode: (data) => {
    if (typeof data !== 'string') throw new TypeError('A frame is not text.');
    const frame: unknown = JSON.parse(data);
    if (typeof frame !== 'object' || frame === null) throw new TypeError('A frame is no object.');
    return readFrame(frame);
  },
};

/** A string in JSON. A lone surrogate, which no UTF-8 can carry, becomes U+FFFD as in TextEncoder. */
function quoted(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

/** Without encoding what is plain ASCII, as nearly all is. */
function utf8Bytes(text: string): number {
  // oxlint-disable-next-line no-control-regex
  return /^[\0-\x7f]*$/.test(text) ? text.length : encoder.encode(text).length;
}

type JsonNumber = number | string;

interface JsonReceived {
  readonly ackId?: string;
  readonly deliveryAttempt?: JsonNumber;
  readonly message?: {
    readonly data?: string;
    readonly attributes?: Readonly<Record<string, string>>;
    readonly messageId?: string;
    readonly publishTime?: string;
    readonly orderingKey?: string;
  };
}

interface JsonFrame {
  readonly id?: JsonNumber;
  readonly welcome?: {
    readonly sessionId?: string;
    readonly resumed?: boolean;
    readonly keepAliveSeconds?: JsonNumber;
    readonly maxFrameBytes?: JsonNumber;
    readonly maxRequests?: JsonNumber;
  };
  readonly published?: { readonly messageIds?: readonly string[] };
  readonly subscribed?: {
    readonly subscription?: string;
    readonly ephemeral?: boolean;
    readonly ackDeadlineSeconds?: JsonNumber;
    readonly maxOutstandingMessages?: JsonNumber;
    readonly maxOutstandingBytes?: JsonNumber;
    readonly exactlyOnceDeliveryEnabled?: boolean;
    readonly messageOrderingEnabled?: boolean;
  };
  readonly unsubscribed?: object;
  readonly deliver?: {
    readonly sequence?: JsonNumber;
    readonly receivedMessages?: readonly JsonReceived[];
  };
  readonly settled?: { readonly results?: readonly JsonNumber[] };
  readonly error?: {
    readonly code?: JsonNumber;
    readonly reason?: string;
    readonly message?: string;
    readonly details?: readonly ErrorDetail[];
  };
  readonly pong?: object;
}

const settleNumbers: Readonly<Record<string, number>> = {
  DONE: 1,
  EXPIRED: 2,
  INVALID: 3,
  UNORDERED: 4,
  FAILED: 5,
};

function readFrame(frame: JsonFrame): ServerFrame {
  const id = Number(frame.id ?? 0);
  const { deliver, published, settled, subscribed, error } = frame;
  if (deliver !== undefined) return readDeliver(id, deliver);
  if (published !== undefined) {
    return { kind: 'published', id, messageIds: published.messageIds ?? [] };
  }
  if (settled !== undefined) {
    const numbers = (settled.results ?? []).map(
      (result) => settleNumbers[result] ?? Number(result),
    );
    return { kind: 'settled', id, results: numbers.map(settleResults) };
  }
  if (subscribed !== undefined) return readSubscribed(id, subscribed);
  if (error !== undefined) return { kind: 'error', id, error: readError(error) };
  if (frame.welcome !== undefined) return readWelcome(frame.welcome);
  if (frame.unsubscribed !== undefined) return { kind: 'unsubscribed', id };
  return { kind: frame.pong === undefined ? 'unknown' : 'pong', id };
}

function readWelcome(welcome: NonNullable<JsonFrame['welcome']>): Welcome {
  return {
    kind: 'welcome',
    id: 0,
    sessionId: welcome.sessionId ?? '',
    resumed: welcome.resumed ?? false,
    keepAliveSeconds: Number(welcome.keepAliveSeconds ?? 0),
    maxFrameBytes: Number(welcome.maxFrameBytes ?? 0),
    maxRequests: Number(welcome.maxRequests ?? 0),
  };
}

function readSubscribed(id: number, from: NonNullable<JsonFrame['subscribed']>): Subscribed {
  return {
    kind: 'subscribed',
    id,
    subscription: from.subscription ?? '',
    ephemeral: from.ephemeral ?? false,
    ackDeadlineSeconds: Number(from.ackDeadlineSeconds ?? 0),
    maxOutstandingMessages: Number(from.maxOutstandingMessages ?? 0),
    maxOutstandingBytes: Number(from.maxOutstandingBytes ?? 0),
    exactlyOnceDeliveryEnabled: from.exactlyOnceDeliveryEnabled ?? false,
    messageOrderingEnabled: from.messageOrderingEnabled ?? false,
  };
}

function readDeliver(id: number, deliver: NonNullable<JsonFrame['deliver']>): Deliver {
  const messages = (deliver.receivedMessages ?? []).map(readReceived);
  return { kind: 'deliver', id, sequence: Number(deliver.sequence ?? 0), messages };
}

function readReceived({
  ackId = '',
  deliveryAttempt = 0,
  message = {},
}: JsonReceived): ReceivedMessage {
  return {
    ackId,
    id: message.messageId ?? '',
    data: decodeBase64(message.data ?? ''),
    attributes: message.attributes ?? {},
    orderingKey: message.orderingKey ?? '',
    publishTimeMs: Date.parse(message.publishTime ?? '1970-01-01T00:00:00Z'),
    deliveryAttempt: Number(deliveryAttempt),
  };
}

function readError({
  code,
  reason,
  message,
  details,
}: NonNullable<JsonFrame['error']>): SealpostError {
  return new SealpostError(statusOf(Number(code ?? 2)), reason ?? '', message ?? '', {
    details: details ?? [],
  });
}
