import { readEntry } from './error-details.ts';
import type { Deliver, ReceivedMessage } from './frame.ts';
import type { ProtoReader } from './proto-reader.ts';

type Writable<Type> = { -readonly [Field in keyof Type]: Type[Field] };

const noData = new Uint8Array(0);

/** sealpost.v1.Deliver. */
export function readDeliver(id: number, reader: ProtoReader): Deliver {
  let sequence = 0;
  const messages: ReceivedMessage[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) sequence = reader.number();
    else if (field === 2) messages.push(readReceived(reader.message()));
    else reader.skip();
  }
  return { kind: 'deliver', id, sequence, messages };
}

/** google.pubsub.v1.ReceivedMessage. */
function readReceived(reader: ProtoReader): ReceivedMessage {
  const received: Writable<ReceivedMessage> = {
    ackId: '',
    id: '',
    data: noData,
    attributes: {},
    orderingKey: '',
    publishTimeMs: 0,
    deliveryAttempt: 0,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) received.ackId = reader.string();
    else if (field === 2) readMessage(reader.message(), received);
    else if (field === 3) received.deliveryAttempt = reader.number();
    else reader.skip();
  }
  return received;
}

/** google.pubsub.v1.PubsubMessage. The data is copied: a view would keep the whole frame alive. */
function readMessage(reader: ProtoReader, received: Writable<ReceivedMessage>): void {
  const attributes: [string, string][] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) received.data = reader.bytes().slice();
    else if (field === 2) attributes.push(readEntry(reader.message()));
    else if (field === 3) received.id = reader.string();
    else if (field === 4) received.publishTimeMs = readTimestampMs(reader.message());
    else if (field === 5) received.orderingKey = reader.string();
    else reader.skip();
  }
  // Made at once: an attribute may be called `__proto__`.
  received.attributes = Object.fromEntries(attributes);
}

function readTimestampMs(reader: ProtoReader): number {
  let ms = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) ms += reader.number() * 1_000;
    else if (field === 2) ms += Math.floor(reader.number() / 1_000_000);
    else reader.skip();
  }
  return ms;
}
