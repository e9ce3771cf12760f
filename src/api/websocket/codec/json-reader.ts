import { ScalarType } from '@bufbuild/protobuf';

import { camelCase } from '../../../rpc/index.ts';
import {
  badRequest,
  checkDepth,
  invalidPayload,
  parseUnchecked,
  type JsonObject,
} from '../../json/json-body.ts';
import { excerpt, invalidValue, messageFromJson } from '../../json/proto-json.ts';
import { isAsciiText, parsedPublish } from '../../json/publish-json.ts';
import { readScalar, scalarTypeName } from '../../json/scalar-json.ts';
import {
  ClientFrameSchema,
  type ClientFrame as ClientFrameMessage,
  type Hello,
  type Subscribe,
} from '../../../proto/sealpost/v1/websocket_pb.ts';
import type { ClientFrame, HelloFrame, SubscribeFrame } from '../frames.ts';
import {
  checkedSettle,
  checkedSubscribe,
  checkId,
  readRequest,
  requestNames,
  type RequestName,
} from './frame-rules.ts';
import { scanFrame } from './json-scan.ts';

/** A ClientFrame in proto3 JSON, in either spelling of its names. */
export function readJsonFrame(message: Buffer): ClientFrame {
  return scanFrame(message) ?? parseFrame(message);
}

/** By way of JSON.parse, for what the scanner does not know, and to say what is wrong. */
function parseFrame(message: Buffer): ClientFrame {
  const json = parseUnchecked(message);
  const id = readId(json['id'] ?? 0);
  const names = requestNames.filter((name) => memberOf(json, name) !== undefined);
  return readRequest(id, names, (name) => {
    checkNames(json);
    if (name() === 'publish') return readPublish(id, json, message);
    checkDepth(json);
    return frameOf(id, messageFromJson(ClientFrameSchema, json));
  });
}

function memberOf(json: JsonObject, name: RequestName): unknown {
  return json[camelCase(name)] ?? json[name] ?? undefined;
}

function readId(json: JsonObject[string]): number {
  const id = readScalar(ScalarType.UINT64, json);
  if (id !== undefined) return Number(id);
  const description = invalidValue('id', scalarTypeName(ScalarType.UINT64), json);
  throw badRequest([{ field: 'id', description }]);
}

const knownNames: ReadonlySet<string> = new Set([
  'id',
  ...requestNames,
  ...requestNames.map(camelCase),
]);

function checkNames(json: JsonObject): void {
  const unknown = Object.keys(json).find((name) => !knownNames.has(name));
  if (unknown === undefined) return;
  throw invalidPayload(`Unknown name ${JSON.stringify(excerpt(unknown))}: Cannot find field.`);
}

function readPublish(id: number, json: JsonObject, message: Buffer): ClientFrame {
  const request = json['publish']!;
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    const type = 'type.googleapis.com/google.pubsub.v1.PublishRequest';
    throw badRequest([{ field: 'publish', description: invalidValue('publish', type, request) }]);
  }
  return { kind: 'publish', id, ...parsedPublish(request, 'publish', isAsciiText(message)) };
}

function frameOf(id: number, { frame }: ClientFrameMessage): ClientFrame {
  switch (frame.case) {
    case 'hello':
      return helloOf(id, frame.value);
    case 'subscribe':
      return subscribeOf(id, frame.value);
    case 'unsubscribe': {
      const stream = Number(frame.value.stream);
      checkId(stream, 'unsubscribe.stream');
      return { kind: 'unsubscribe', id, stream };
    }
    case 'acknowledge': {
      const { ackIds } = frame.value;
      const stream = Number(frame.value.stream);
      return checkedSettle({ kind: 'settle', id, stream, ackIds, deadlineSeconds: null });
    }
    case 'modifyAckDeadline': {
      const { ackIds, ackDeadlineSeconds: deadlineSeconds } = frame.value;
      const stream = Number(frame.value.stream);
      return checkedSettle({ kind: 'settle', id, stream, ackIds, deadlineSeconds });
    }
    default:
      return { kind: 'ping', id };
  }
}

function helloOf(id: number, { sessionId, token, streams }: Hello): HelloFrame {
  const positions = new Map<number, number>();
  for (const position of streams) {
    const stream = Number(position.stream);
    const sequence = Number(position.sequence);
    checkId(stream, 'hello.streams.stream');
    checkId(sequence, 'hello.streams.sequence');
    positions.set(stream, sequence);
  }
  return { kind: 'hello', id, sessionId, token, positions };
}

function subscribeOf(id: number, { source, ...message }: Subscribe): SubscribeFrame {
  return checkedSubscribe({
    kind: 'subscribe',
    id,
    subscription: source.case === 'subscription' ? source.value : '',
    topic: source.case === 'topic' ? source.value : '',
    ackDeadlineSeconds: message.ackDeadlineSeconds,
    outstandingMessagesMax: Number(message.maxOutstandingMessages),
    outstandingBytesMax: Number(message.maxOutstandingBytes),
  });
}
