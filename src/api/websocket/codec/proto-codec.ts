import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';

import {
  encodePublishResponse,
  encodeReceivedMessages,
  varintBytes,
  writeVarint,
  type Delivery,
} from '../../../broker/index.ts';
import { statusTable } from '../../../rpc/index.ts';
import { packDetail, type WireError } from '../../error-mapping.ts';
import { ServerFrameSchema, SettleResult } from '../../proto/sealpost/v1/websocket_pb.ts';
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
  settled: (id, results) =>
    write({ case: 'settled', value: { results: results.map((result) => settled[result]) } }, id),
  error: writeError,
  pong: (id) => write({ case: 'pong', value: {} }, id),
};

const settled = {
  done: SettleResult.DONE,
  expired: SettleResult.EXPIRED,
  invalid: SettleResult.INVALID,
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
const deliverTag = 0x32;
const sequenceTag = 0x08;
const receivedMessagesTag = 0x12;

function writePublished(id: number, messageIds: readonly string[]): Uint8Array {
  const response = encodePublishResponse(messageIds);
  const head = frameHead(id, publishedTag, response.length);
  return Buffer.concat([head, response]);
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

/** The id, and the tag and length of what follows, with `room` bytes for its beginning. */
function frameHead(id: number, tag: number, bytes: number, room = 0): Buffer {
  const head = Buffer.allocUnsafe(2 + varintBytes(id) + varintBytes(bytes) + room);
  head[0] = idTag;
  const at = writeVarint(head, 1, id);
  head[at] = tag;
  writeVarint(head, at + 1, bytes);
  return head;
}
