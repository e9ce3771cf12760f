import { create, toJson } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { decodeMessage, type Delivery } from '../../broker/index.ts';
import { CryptoKeySchema } from '../../proto/google/cloud/kms/v1/resources_pb.ts';
import {
  DeleteCryptoKeyMetadataSchema,
  EncryptRequestSchema,
} from '../../proto/google/cloud/kms/v1/service_pb.ts';
import { OperationSchema } from '../../proto/google/longrunning/operations_pb.ts';
import { RpcError } from '../../rpc/index.ts';
import { SubscriptionSchema, TopicSchema } from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { decodeBase64 } from './base64.ts';
import { parseJsonObject, type JsonObject } from './json-body.ts';
import { messageFromJson, messageToJson } from './proto-json.ts';
import { readPublishRequest } from './publish-json.ts';
import { scanPublishRequest } from './publish-scan.ts';
import { writePullResponse } from './pull-json.ts';

const text = fc.string({ unit: 'binary', maxLength: 40 });
const key = fc
  .oneof(fc.constant('__proto__'), fc.constant('constructor'), text)
  .filter((value) => value !== '' && !value.startsWith('goog') && value.isWellFormed());
const value = text.filter((each) => each.isWellFormed());

describe('publish and pull in JSON', () => {
  test('a message comes out of pull as it went into publish', () => {
    const message = fc.record({
      data: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      attributes: fc.uniqueArray(fc.tuple(key, value), {
        selector: ([name]) => name,
        maxLength: 5,
      }),
      orderingKey: value,
      isUrlSafe: fc.boolean(),
    });
    fc.assert(
      fc.property(message, ({ data, attributes, orderingKey, isUrlSafe }) => {
        const encoded = Buffer.from(data).toString(isUrlSafe ? 'base64url' : 'base64');
        const json = { data: encoded, attributes: Object.fromEntries(attributes), orderingKey };
        const body = Buffer.from(JSON.stringify({ messages: [json] }));
        const [sealable] = readPublishRequest(body);
        const delivery: Delivery = {
          ackId: 'a',
          messageId: '1',
          publishTimeMs: 0,
          deliveryAttempt: 0,
          bytes: sealable!.bytes,
        };
        const printed = Buffer.from(writePullResponse([delivery])).toString();
        const { receivedMessages } = JSON.parse(printed) as {
          receivedMessages: {
            message: { data: string; attributes?: object; orderingKey?: string };
          }[];
        };
        const pulled = receivedMessages[0]!.message;
        expect(Buffer.from(pulled.data, 'base64')).toEqual(Buffer.from(data));
        expect(new Map(Object.entries(pulled.attributes ?? {}))).toEqual(new Map(attributes));
        expect(pulled.orderingKey ?? '').toBe(orderingKey);
        expect(decodeMessage(sealable!.bytes).orderingKey).toBe(orderingKey);
      }),
    );
  });

  test('whatever JSON is sent, the answer is messages or INVALID_ARGUMENT', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const body = Buffer.from(JSON.stringify({ messages: [{ data: json, attributes: json }] }));
        try {
          readPublishRequest(body);
        } catch (error) {
          expect((error as RpcError).code).toBe('INVALID_ARGUMENT');
        }
      }),
    );
  });
});

describe('scanPublishRequest', () => {
  const plain = fc.string({ maxLength: 12 }).filter((each) => !/["\\\\]/.test(each));
  const odd = fc.constantFrom<unknown>(null, 1, true, 'a"b', {}, []);
  const mostly = (common: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 19, arbitrary: common }, { weight: 1, arbitrary: odd });
  const message = fc.record(
    {
      data: mostly(fc.base64String()),
      attributes: mostly(fc.dictionary(fc.oneof(plain, fc.constant('__proto__')), plain)),
      orderingKey: mostly(plain),
    },
    { requiredKeys: [] },
  );
  const json = fc.record({ messages: fc.array(message, { maxLength: 3 }) });

  test('what it accepts, JSON.parse accepts too, and it means the same', () => {
    const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 127 }) });
    let acceptedCount = 0;
    fc.assert(
      fc.property(
        json,
        fc.option(mutation, { freq: 2 }),
        fc.constantFrom(0, 1),
        (request, change, indent) => {
          const body = Buffer.from(JSON.stringify(request, null, indent));
          if (change !== null) body[change.at % body.length] = change.byte;
          const scanned = scanPublishRequest(body);
          if (scanned === undefined) return;
          acceptedCount++;
          const { messages } = JSON.parse(body.toString()) as {
            messages: { data?: string; attributes?: object; orderingKey?: string }[];
          };
          expect(scanned.length).toBe(messages.length);
          for (const [index, message] of messages.entries()) {
            const { data, attributes, orderingKey } = scanned[index]!;
            expect(Buffer.from(data)).toEqual(Buffer.from(message.data ?? '', 'base64'));
            expect(new Map(attributes)).toEqual(new Map(Object.entries(message.attributes ?? {})));
            expect(orderingKey).toBe(message.orderingKey ?? '');
          }
        },
      ),
      { numRuns: 2_000 },
    );
    expect(acceptedCount).toBeGreaterThan(100);
  });

  test.each([
    '{"messages":[{"data":"QQ=="}]} x',
    '{"messages":[{"data":"QQ=="},]}',
    '{"messages":[{"data":"QQ==",}]}',
    '{"messages":[{"data":"Q"}]}',
    '{"messages":[{"data":"\\u0051Q=="}]}',
    '{"messages":[{"attributes":{"a":"\n"}}]}',
    '{"messages":[{"data":"QQ=="}]',
    '{}',
    '[]',
    '',
  ])('%s is left to the parser', (body) => {
    expect(scanPublishRequest(Buffer.from(body))).toBeUndefined();
  });
});

describe('messages of the key service in JSON', () => {
  const read = (json: JsonObject): unknown => messageFromJson(EncryptRequestSchema, json);

  test.each(['2351401481', 2351401481, 0, '0'])('a wrapped int64 is read from %j', (given) => {
    expect(read({ plaintextCrc32c: given })).toMatchObject({ plaintextCrc32c: BigInt(given) });
  });

  test('a wrapper that is none is absent, and what is no int64 is refused by its name', () => {
    expect(read({ plaintextCrc32c: null })).not.toHaveProperty('plaintextCrc32c');
    expect(() => read({ plaintextCrc32c: { value: '1' } })).toThrow(
      "Invalid value at 'plaintext_crc32c' (TYPE_INT64), Starting an object on a scalar field",
    );
  });

  test('a plaintext that is no base64 is not repeated in the refusal', () => {
    expect(() => read({ plaintext: 'secret!' })).toThrow(
      /^Invalid value at 'plaintext' \(TYPE_BYTES\), Base64 decoding failed$/,
    );
  });

  test.each(['MAC', 9, '9'])('an enum is read by its name and by its number: %j', (purpose) => {
    expect(messageFromJson(CryptoKeySchema, { purpose })).toMatchObject({ purpose: 9 });
  });

  test('an Any is written with its type and its fields', () => {
    const metadata = create(DeleteCryptoKeyMetadataSchema, { retiredResource: 'r' });
    const operation = create(OperationSchema, {
      name: 'o',
      metadata: anyPack(DeleteCryptoKeyMetadataSchema, metadata),
      done: true,
    });
    expect(messageToJson(OperationSchema, operation)).toEqual({
      name: 'o',
      metadata: {
        '@type': 'type.googleapis.com/google.cloud.kms.v1.DeleteCryptoKeyMetadata',
        retiredResource: 'r',
      },
      done: true,
    });
  });
});

describe('decodeBase64', () => {
  test('takes what is base64 of some bytes and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, isUrlSafe) => {
        const encoded = Buffer.from(bytes).toString(isUrlSafe ? 'base64url' : 'base64');
        expect(decodeBase64(encoded, true)).toEqual(Buffer.from(bytes));
      }),
    );
    const stray = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(stray, (input) => {
        const isLegal = /^[A-Za-z0-9+/_-]*={0,2}$/.test(input);
        if (!isLegal) expect(decodeBase64(input, false)).toBeUndefined();
      }),
    );
  });
});

describe('messages in JSON', () => {
  test('both spellings of every field are read', () => {
    const camel = { ackDeadlineSeconds: 30, retainAckedMessages: true, labels: { a: 'b' } };
    const snake = { ack_deadline_seconds: '30', retain_acked_messages: 'true', labels: { a: 'b' } };
    const wanted = create(SubscriptionSchema, camel);
    expect(messageFromJson(SubscriptionSchema, camel)).toEqual(wanted);
    expect(messageFromJson(SubscriptionSchema, snake)).toEqual(wanted);
    expect(messageFromJson(SubscriptionSchema, { labels: null })).toEqual(
      create(SubscriptionSchema),
    );
  });

  test('what protobuf prints is read back', () => {
    const label = fc
      .string({ unit: 'grapheme', maxLength: 10 })
      .filter((each) => each.isWellFormed());
    const topics = fc.record({
      name: label,
      labels: fc.dictionary(label, label),
      kmsKeyName: label,
    });
    fc.assert(
      fc.property(topics, (init) => {
        const topic = create(TopicSchema, init);
        const json = JSON.parse(JSON.stringify(toJson(TopicSchema, topic))) as JsonObject;
        expect(messageFromJson(TopicSchema, json)).toEqual(topic);
      }),
    );
  });

  test('whatever JSON is sent, a message or INVALID_ARGUMENT comes of it', () => {
    const fields = SubscriptionSchema.fields.map((field) => field.jsonName);
    const json = fc.dictionary(fc.constantFrom(...fields), fc.jsonValue({ maxDepth: 4 }));
    fc.assert(
      fc.property(json, (object) => {
        try {
          messageFromJson(SubscriptionSchema, object as JsonObject);
        } catch (error) {
          expect(error).toBeInstanceOf(RpcError);
          expect((error as RpcError).code).toBe('INVALID_ARGUMENT');
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['ackDeadlineSeconds', 2 ** 31, "'ack_deadline_seconds' (TYPE_INT32), 2147483648"],
    ['ackDeadlineSeconds', 1.5, "'ack_deadline_seconds' (TYPE_INT32), 1.5"],
    ['ackDeadlineSeconds', 'ten', '\'ack_deadline_seconds\' (TYPE_INT32), "ten"'],
    ['retainAckedMessages', 1, "'retain_acked_messages' (TYPE_BOOL), 1"],
    [
      'state',
      'NOPE',
      '\'state\' (type.googleapis.com/google.pubsub.v1.Subscription.State), "NOPE"',
    ],
    ['pushConfig', 'x', '\'push_config\' (type.googleapis.com/google.pubsub.v1.PushConfig), "x"'],
    [
      'pushConfig',
      { pubsubWrapper: {}, noWrapper: {} },
      "'push_config' (oneof), oneof field 'wrapper' is already set. Cannot set 'no_wrapper'",
    ],
    ['topic', {}, "'topic' (TYPE_STRING), Starting an object on a scalar field"],
  ])('%s of %j is refused', (name, json, problem) => {
    const read = (): unknown => messageFromJson(SubscriptionSchema, { [name]: json });
    expect(read).toThrow(`Invalid value at ${problem}`);
  });

  test.each(['tru', '{"a":1,}', '{a:1}', '{"a":"\n"}', '{"a":1} x', '{"a":"abc', '-', '"\\u12'])(
    'broken text %j is told apart from a short one without failing itself',
    (broken) => {
      expect(() => parseJsonObject(Buffer.from(broken))).toThrow('Invalid JSON payload received.');
    },
  );
});
