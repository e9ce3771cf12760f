import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A record and the row that it is: the message's data, and its attribute `row`. */
export interface FlightMessage {
  readonly row: number;
  readonly data: Uint8Array;
}

export interface ReceivedFlight extends FlightMessage {
  readonly ackId: string;
}

/** google.pubsub.v1.PublishRequest. */
export function encodePublish(topic: string, messages: readonly FlightMessage[]): Buffer {
  const writer = new BinaryWriter();
  writer.uint32(10).string(topic);
  for (const { row, data } of messages) {
    writer.uint32(18).fork();
    writer.uint32(10).bytes(data);
    writer.uint32(18).fork();
    writer.uint32(10).string('row').uint32(18).string(String(row));
    writer.join().join();
  }
  return Buffer.from(writer.finish());
}

/** The first StreamingPullRequest: subscription, ack deadline, flow control. */
export function encodeOpenStream(subscription: string, clientId: string): Buffer {
  const writer = new BinaryWriter();
  writer.uint32(10).string(subscription);
  writer.uint32(40).int32(60);
  writer.uint32(50).string(clientId);
  writer.uint32(56).int64(20_000);
  return Buffer.from(writer.finish());
}

/** A StreamingPullRequest that acknowledges. */
export function encodeAcks(ackIds: readonly string[]): Buffer {
  const writer = new BinaryWriter();
  for (const ackId of ackIds) writer.uint32(18).string(ackId);
  return Buffer.from(writer.finish());
}

/** The messages of a google.pubsub.v1.StreamingPullResponse. */
export function decodeReceived(bytes: Uint8Array): ReceivedFlight[] {
  const received: ReceivedFlight[] = [];
  eachField(new BinaryReader(bytes), (field, reader) => {
    if (field !== 1) return false;
    received.push(decodeReceivedMessage(reader.bytes()));
    return true;
  });
  return received;
}

function decodeReceivedMessage(bytes: Uint8Array): ReceivedFlight {
  let ackId = '';
  let message: FlightMessage = { row: -1, data: new Uint8Array() };
  eachField(new BinaryReader(bytes), (field, reader) => {
    if (field === 1) ackId = reader.string();
    else if (field === 2) message = decodeMessage(reader.bytes());
    else return false;
    return true;
  });
  return { ackId, ...message };
}

function decodeMessage(bytes: Uint8Array): FlightMessage {
  let data: Uint8Array = new Uint8Array();
  let row = -1;
  eachField(new BinaryReader(bytes), (field, reader) => {
    if (field === 1) data = reader.bytes();
    else if (field === 2) row = rowOf(reader.bytes()) ?? row;
    else return false;
    return true;
  });
  return { row, data };
}

/** The value of a map entry whose key is `row`. */
function rowOf(entry: Uint8Array): number | null {
  const texts: string[] = [];
  eachField(new BinaryReader(entry), (field, reader) => {
    texts[field] = reader.string();
    return true;
  });
  return texts[1] === 'row' ? Number(texts[2]) : null;
}

/** Calls `take` for each field; what it does not take is skipped. */
function eachField(
  reader: BinaryReader,
  take: (field: number, reader: BinaryReader) => boolean,
): void {
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType !== WireType.LengthDelimited || !take(field, reader)) reader.skip(wireType, field);
  }
}
