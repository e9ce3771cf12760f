import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';

import {
  encodePublishResponse,
  encodeReceivedMessages,
  varintBytes,
  writeVarint,
  type Delivery,
  type SettleResult,
} from '../../../broker/index.ts';
import { statusTable } from '../../../rpc/index.ts';
import { packDetail, type WireError } from '../../error-mapping.ts';
import {
  ServerFrameSchema,
  SettleResult as SettleNumber,
} from '../../../proto/sealpost/v1/websocket_pb.ts';
import type { FrameCodec } from '../frames.ts';
import { readProtoFrame } from './proto-reader.ts';

/** `sealpost.v1.proto`: hot frames are spliced by hand, the others by the generated code. */
export const protoCodec: FrameCodec = {
  subprotocol: 'sealpost.v1.proto',
  isBinary: true,
  decode: readProtoFrame,
  welcome: ({ maxFrameBytes, ...welcome }) =>
    write({
      case: 'welcome',
      value: { ...welcome, maxFrameBytes: BigInt(maxFrameBytes) },
    }),
  published: writePublished,
  subscribed: (id, { maxOutstandingMessages, maxOutstandingBytes, ...subscribed }) =>
    write(
      {
        case: 'subscribed',
        value: {
          ...subscribed,
          maxOutstandingMessages: BigInt(maxOutstandingMessages),
          maxOutstandingBytes: BigInt(maxOutstandingBytes),
        },
      },
      id,
    ),
  unsubscribed: (id) => write({ case: 'unsubscribed', value: {} }, id),
  deliver: writeDeliver,
  settled: writeSettled,
  error: writeError,
  pong: (id) => write({ case: 'pong', value: {} }, id),
};

const settledNumbers = {
  done: SettleNumber.DONE,
  expired: SettleNumber.EXPIRED,
  invalid: SettleNumber.INVALID,
  unordered: SettleNumber.UNORDERED,
  failed: SettleNumber.FAILED,
} as const;

type Frame = NonNullable<MessageInitShape<typeof ServerFrameSchema>['frame']>;

function write(frame: Frame, id = 0): Uint8Array {
  return toBinary(ServerFrameSchema, create(ServerFrameSchema, { id: BigInt(id), frame }));
}

function writeError(id: number, error: WireError): Uint8Array {
  const { code, reason, message, details } = error;
  const { number } = statusTable[code];
  return write(
    {
      case: 'error',
      value: { code: number, status: code, reason, message, details: details.map(packDetail) },
    },
    id,
  );
}

const idTag = 0x08;
const publishedTag = 0x1a;
const settledTag = 0x3a;
const resultsTag = 0x0a;
const deliverTag = 0x32;
const sequenceTag = 0x08;
const receivedMessagesTag = 0x12;

function writePublished(id: number, messageIds: readonly string[]): Uint8Array {
  const response = encodePublishResponse(messageIds);
  const head = frameHead(id, publishedTag, response.length, response.length);
  head.set(response, head.length - response.length);
  return head;
}

/** The results are packed: one byte each. */
function writeSettled(id: number, results: readonly SettleResult[]): Uint8Array {
  const { length } = results;
  const listBytes = 1 + varintBytes(length) + length;
  const frame = frameHead(id, settledTag, listBytes, listBytes);
  const start = frame.length - listBytes;
  frame[start] = resultsTag;
  let at = writeVarint(frame, start + 1, length);
  for (const result of results) frame[at++] = settledNumbers[result];
  return frame;
}

/** ServerFrame { id, deliver { sequence, received_messages } }; opened messages are spliced in. */
function writeDeliver(id: number, sequence: number, batch: readonly Delivery[]): Uint8Array {
  return encodeReceivedMessages(batch, receivedMessagesTag, (listBytes) => {
    const sequenceBytes = 1 + varintBytes(sequence);
    const head = frameHead(id, deliverTag, sequenceBytes + listBytes, sequenceBytes);
    writeVarint(head, head.length - sequenceBytes + 1, sequence);
    head[head.length - sequenceBytes] = sequenceTag;
    return head;
  });
}

/** The id, and the tag and length of what follows, with `room` bytes for it or its beginning. */
function frameHead(id: number, tag: number, bytes: number, room = 0): Buffer {
  const head = Buffer.allocUnsafe(2 + varintBytes(id) + varintBytes(bytes) + room);
  head[0] = idTag;
  const at = writeVarint(head, 1, id);
  head[at] = tag;
  writeVarint(head, at + 1, bytes);
  return head;
}
