import {
  bytesField,
  eachDelivery,
  numberField,
  ProtobufReader,
  publishedCount,
  stringField,
  type DeliveryVisitor,
} from '../protobuf.ts';
import { framed, MaskedFrame } from './connection.ts';

/** Ids begin here, so that each takes the same bytes and can be patched into a made frame. */
export const firstId: number = 2 ** 31;

/** What a frame of the server's says, as far as a load client looks. */
export interface Reply {
  readonly id: number;
  readonly kind: 'welcome' | 'published' | 'subscribed' | 'deliver' | 'settled' | 'error' | 'other';
  /** Ids of `published`; messages of `deliver`. */
  readonly count: number;
  /** Of `error`. */
  readonly text: string;
}

/** Ordering keys are numbers of so many digits. */
export const keyDigits: number = 12;

/** A publish frame whose id is stamped before each use. */
export interface PublishTemplate {
  readonly frame: MaskedFrame;
  stamp(id: number): void;
  /** The last message's ordering key, if it was made with one. */
  stampKey(key: number): void;
}

/** One of the two forms of sealpost.v1, made and read by hand as in `protobuf.ts`. */
export interface Wire {
  readonly subprotocol: string;
  hello(): MaskedFrame;
  publish(topic: string, payloads: readonly Buffer[], orderingKey?: string): PublishTemplate;
  subscribe(id: number, source: { subscription: string } | { topic: string }): MaskedFrame;
  /** `id` 0: without answer. */
  acknowledge(id: number, stream: number, ackIds: readonly Buffer[]): MaskedFrame;
  /** `visit` is called for each message of a `deliver`. */
  read(payload: Buffer, visit: DeliveryVisitor): Reply;
}

const ackDeadlineSeconds = 60;
const outstandingMessagesMax = 10_000;

const proto: Wire = {
  subprotocol: 'sealpost.v1.proto',
  hello: () => framed(Buffer.concat([numberField(1, 1), bytesField(2, Buffer.alloc(0))])),
  publish(topic, payloads, orderingKey) {
    const key = orderingKey === undefined ? [] : [stringField(5, orderingKey)];
    const messages = payloads.map((payload) =>
      bytesField(2, Buffer.concat([bytesField(1, payload), ...key])),
    );
    const request = Buffer.concat([stringField(1, topic), ...messages]);
    const body = Buffer.concat([numberField(1, firstId), bytesField(3, request)]);
    const frame = framed(body);
    const stamp = (id: number): void => {
      const field = numberField(1, id);
      for (let i = 1; i < field.length; i++) frame.put(i, field[i]!);
    };
    const stampKey = (value: number): void => {
      const digits = String(value).padStart(keyDigits, '0');
      const at = body.length - keyDigits;
      for (let i = 0; i < keyDigits; i++) frame.put(at + i, digits.charCodeAt(i));
    };
    return { frame, stamp, stampKey };
  },
  subscribe(id, source) {
    const name =
      'topic' in source ? stringField(2, source.topic) : stringField(1, source.subscription);
    const limits = [numberField(3, ackDeadlineSeconds), numberField(4, outstandingMessagesMax)];
    return framed(
      Buffer.concat([numberField(1, id), bytesField(4, Buffer.concat([name, ...limits]))]),
    );
  },
  acknowledge(id, stream, ackIds) {
    const body = Buffer.concat([
      numberField(1, stream),
      ...ackIds.map((ackId) => bytesField(2, ackId)),
    ]);
    return framed(Buffer.concat([...(id === 0 ? [] : [numberField(1, id)]), bytesField(6, body)]));
  },
  read(payload, visit) {
    const reader = new ProtobufReader(payload);
    let id = 0;
    while (reader.position < reader.end) {
      const tag = reader.varint();
      if (tag === 8) {
        id = reader.varint();
        continue;
      }
      if ((tag & 7) !== 2) {
        reader.skip(tag & 7);
        continue;
      }
      const length = reader.varint();
      const body = payload.subarray(reader.position, reader.position + length);
      return { id, ...protoBody(tag >> 3, body, visit) };
    }
    return { id, kind: 'other', count: 0, text: '' };
  },
};

function protoBody(field: number, body: Buffer, visit: DeliveryVisitor): Omit<Reply, 'id'> {
  const kinds = { 2: 'welcome', 4: 'subscribed', 7: 'settled' } as const;
  if (field === 3) return { kind: 'published', count: publishedCount(body), text: '' };
  if (field === 6) return { kind: 'deliver', count: eachDelivery(body, visit, 18), text: '' };
  if (field === 8) return { kind: 'error', count: 0, text: body.toString('latin1') };
  return { kind: kinds[field as 2 | 4 | 7] ?? 'other', count: 0, text: '' };
}

interface JsonReply {
  readonly id?: number | string;
  readonly welcome?: object;
  readonly published?: { readonly messageIds: readonly string[] };
  readonly subscribed?: object;
  readonly settled?: object;
  readonly deliver?: {
    readonly receivedMessages: readonly { ackId: string; message: { data: string } }[];
  };
  readonly error?: { readonly status: string; readonly message: string };
}

const json: Wire = {
  subprotocol: 'sealpost.v1.json',
  hello: () => framed('{"id":1,"hello":{}}'),
  publish(topic, payloads) {
    const messages = payloads.map((payload) => ({ data: payload.toString('base64') }));
    const frame = framed(
      `{"id":${String(firstId)},"publish":${JSON.stringify({ topic, messages })}}`,
    );
    const stamp = (id: number): void => {
      const digits = String(id);
      for (let i = 0; i < digits.length; i++) frame.put(6 + i, digits.charCodeAt(i));
    };
    const stampKey = (): void => {
      throw new Error('ordering keys are stamped in protobuf frames only');
    };
    return { frame, stamp, stampKey };
  },
  subscribe: (id, source) =>
    framed(
      JSON.stringify({
        id,
        subscribe: {
          ...source,
          ackDeadlineSeconds,
          maxOutstandingMessages: outstandingMessagesMax,
        },
      }),
    ),
  acknowledge: (id, stream, ackIds) =>
    framed(
      JSON.stringify({
        ...(id === 0 ? {} : { id }),
        acknowledge: { stream, ackIds: ackIds.map(String) },
      }),
    ),
  read(payload, visit) {
    const reply = JSON.parse(payload.toString()) as JsonReply;
    const id = Number(reply.id ?? 0);
    const { published, deliver, error } = reply;
    if (published) return { id, kind: 'published', count: published.messageIds.length, text: '' };
    if (error) return { id, kind: 'error', count: 0, text: `${error.status}: ${error.message}` };
    if (deliver) {
      for (const { ackId, message } of deliver.receivedMessages) {
        const bytes = Buffer.from(ackId);
        visit(
          bytes,
          0,
          bytes.length,
          Buffer.from(message.data.slice(0, 8), 'base64').readUInt32BE(),
        );
      }
      return { id, kind: 'deliver', count: deliver.receivedMessages.length, text: '' };
    }
    const kind = reply.welcome
      ? 'welcome'
      : reply.subscribed
        ? 'subscribed'
        : reply.settled
          ? 'settled'
          : 'other';
    return { id, kind, count: 0, text: '' };
  },
};

export const wires: Readonly<Record<'json' | 'proto', Wire>> = { json, proto };
