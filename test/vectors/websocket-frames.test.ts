import { readFileSync } from 'node:fs';
import { create, fromBinary, fromJsonString, toBinary, toJson } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { transportCloses, violationCloses } from '../../src/api/close-mapping.ts';
import { PubsubMessageSchema } from '../../src/proto/google/pubsub/v1/pubsub_pb.ts';
import { ClientFrameSchema, ServerFrameSchema } from '../../src/proto/sealpost/v1/websocket_pb.ts';
import { frameCodecs } from '../../src/api/websocket/codec/index.ts';
import { ackIdsMax } from '../../src/api/websocket/codec/frame-rules.ts';
import type { FrameCodec, OutgoingFrame } from '../../src/api/websocket/frames.ts';
import { webSocketLimits as limits } from '../../src/api/websocket/limits.ts';
import type { SettleResult } from '../../src/broker/index.ts';
import type { StatusCode } from '../../src/rpc/index.ts';
import { hex } from '../support/hex.ts';
import { readGolden } from './golden-file.ts';

interface Golden {
  readonly json: string;
  readonly hex: string;
}

const { client, server } = readGolden('websocket-frames-1.json') as {
  readonly client: readonly Golden[];
  readonly server: readonly Golden[];
};
const page = readFileSync(new URL('../../docs/websocket.md', import.meta.url), 'utf8');
const jsonCodec = frameCodecs.get('sealpost.v1.json')!;
const protoCodec = frameCodecs.get('sealpost.v1.proto')!;

/** A server's frame as its JSON shows it, and what the codecs are given to write it. */
interface Shown {
  readonly id: number;
  readonly welcome?: Parameters<FrameCodec['welcome']>[0];
  readonly published?: { readonly messageIds: readonly string[] };
  readonly subscribed?: Parameters<FrameCodec['subscribed']>[1];
  readonly deliver?: {
    readonly sequence: number;
    readonly receivedMessages: readonly {
      readonly ackId: string;
      readonly message: {
        readonly data: string;
        readonly attributes: Record<string, string>;
        readonly messageId: string;
        readonly publishTime: string;
        readonly orderingKey: string;
      };
      readonly deliveryAttempt?: number;
    }[];
  };
  readonly settled?: { readonly results: readonly string[] };
  readonly error?: { readonly status: string; readonly reason: string; readonly message: string };
  readonly unsubscribed?: object;
}

function written(codec: FrameCodec, { id, ...shown }: Shown): OutgoingFrame {
  if (shown.welcome) return codec.welcome(shown.welcome);
  if (shown.published) return codec.published(id, shown.published.messageIds);
  if (shown.subscribed) return codec.subscribed(id, shown.subscribed);
  if (shown.unsubscribed) return codec.unsubscribed(id);
  if (shown.settled) {
    const results = shown.settled.results.map((result) => result.toLowerCase() as SettleResult);
    return codec.settled(id, results);
  }
  if (shown.error) {
    const { reason, message } = shown.error;
    const code = shown.error.status as Exclude<StatusCode, 'OK'>;
    return codec.error(id, { code, reason, message, details: [] });
  }
  if (!shown.deliver) return codec.pong(id);
  const batch = shown.deliver.receivedMessages.map(({ ackId, message, deliveryAttempt = 0 }) => {
    const { data, attributes, orderingKey } = message;
    const sealed = create(PubsubMessageSchema, {
      data: Buffer.from(data, 'base64'),
      attributes,
      orderingKey,
    });
    return {
      ackId,
      messageId: message.messageId,
      publishTimeMs: Date.parse(message.publishTime),
      deliveryAttempt,
      bytes: toBinary(PubsubMessageSchema, sealed),
    };
  });
  return codec.deliver(id, shown.deliver.sequence, batch);
}

test.each(client)("a client's $json is read from either form", (golden) => {
  const fromText = jsonCodec.decode(Buffer.from(golden.json));
  const fromBytes = protoCodec.decode(Buffer.from(hex(golden.hex)));
  expect(fromText.kind).not.toBe('refused');
  expect(fromText).toEqual(fromBytes);
});

test.each(server)("a server's $json is written in either form", (golden) => {
  const shown = JSON.parse(golden.json) as Shown;
  expect(Buffer.from(written(jsonCodec, shown)).toString()).toBe(golden.json);
  expect(Buffer.from(written(protoCodec, shown)).toString('hex')).toBe(golden.hex);
});

test.each([...client, ...server])(
  '$json and $hex are one frame to the generated code',
  (golden) => {
    const schema = client.includes(golden) ? ClientFrameSchema : ServerFrameSchema;
    const fromText = fromJsonString(schema, golden.json);
    expect(toJson(schema, fromBinary(schema, hex(golden.hex)))).toEqual(toJson(schema, fromText));
  },
);

describe('docs/websocket.md', () => {
  test('shows every golden frame, and no other', () => {
    const blocks = [...page.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, text]) => text ?? '');
    const shown = blocks.flatMap((text) => text.trim().split('\n'));
    expect(shown.toSorted()).toEqual([...client, ...server].map(({ json }) => json).toSorted());
  });

  test('has a conversation of real frames', () => {
    const lines = [...page.matchAll(/^([→←]) (\{.*\})$/gm)];
    expect(lines.length).toBeGreaterThan(20);
    for (const [, side, text] of lines) {
      if (side === '←') fromJsonString(ServerFrameSchema, text!);
      else expect(jsonCodec.decode(Buffer.from(text!)).kind).not.toBe('refused');
    }
  });

  test('tells the close codes of the transport as the server has them', () => {
    const listed = [...page.matchAll(/^\| (1\d{3}) \|/gm)].map(([, code]) => code ?? '');
    const used = [...Object.values(transportCloses), ...Object.values(violationCloses), 1000, 1002];
    expect(listed.toSorted()).toEqual([...new Set(used)].map(String).toSorted());
  });

  test.each([
    ["bytes of one frame of the client's", limits.frameBytesMax, ''],
    ['time to `hello`', limits.helloTimeoutMs / 1_000, ' s'],
    ["time from a message's first byte to its last", limits.messageTimeoutMs / 1_000, ' s'],
    ['requests without answer', limits.requestsMax, ''],
    ['streams of a session', limits.streamsMax, ''],
    ['ephemeral subscriptions of a session', limits.ephemeralSubscriptionsMax, ''],
    ['outstanding messages of a stream', limits.outstandingMessagesMax, ''],
    ['outstanding bytes of a stream', limits.outstandingBytesMax, ''],
    ['messages that the client has not confirmed by pong', limits.unconfirmedMax, ''],
    ['ack ids of a frame', ackIdsMax, ''],
    ['characters of an ack id', limits.ackIdCharsMax, ''],
    ['sessions that wait for their client', limits.detachedMax, ''],
  ])('gives the limit of %s', (what, value, unit) => {
    expect(page).toContain(`| ${what} | ${value.toLocaleString('en-US')}${unit} |`);
  });

  test('gives the times of keep-alive and of resuming', () => {
    expect(page).toContain(`The server pings every ${limits.keepAliveMs / 1_000} s`);
    expect(page).toContain(`within ${limits.answerTimeoutMs / 1_000} s after that`);
    expect(page).toContain(`A session lives ${limits.resumeMs / 1_000} s longer`);
    expect(page).toContain(`at ${limits.unsentBytesMax / 1_024} KiB unread`);
  });
});
