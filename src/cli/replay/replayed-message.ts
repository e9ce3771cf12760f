import type { OutgoingMessage } from '../messages/outgoing-message.ts';
import type { ReceivedMessage } from '../messages/received-message.ts';

const attributesMax = 100;
/** Clients hand their trace context on in attributes of the same family: those stay. */
const ofService = /^goog(?!client_)|^googclient_schema/;

/**
 * A message as it is published anew: its data, attributes and ordering key, and three attributes
 * more that say what it was. Those that the service adds by itself it adds again.
 */
export function replayedMessage(message: ReceivedMessage, subscription: string): OutgoingMessage {
  const { messageId, publishTime, data, orderingKey } = message;
  const kept = Object.entries(message.attributes).filter(([name]) => !ofService.test(name));
  const added = [
    ['SealpostReplaySubscription', subscription],
    ['SealpostReplayMessageId', messageId],
    ['SealpostReplayPublishTime', publishTime],
  ];
  const names = new Set([...kept, ...added].map(([name]) => name));
  // A message whose attributes are all taken goes as it is.
  const entries = names.size > attributesMax ? kept : [...kept, ...added];
  return { data, orderingKey, attributes: Object.fromEntries(entries) };
}

const requestMessagesMax = 1_000;
const requestBytesMax = 5_000_000;

/**
 * Requests that hold the messages: a request has one ordering key or none, and the messages of a key
 * stay in their order.
 */
export function publishRequests(messages: readonly OutgoingMessage[]): OutgoingMessage[][] {
  const byKey = new Map<string, OutgoingMessage[][]>();
  for (const message of messages) {
    const requests = byKey.get(message.orderingKey) ?? [];
    byKey.set(message.orderingKey, requests);
    const last = requests.at(-1);
    if (last !== undefined && hasRoom(last, message)) last.push(message);
    else requests.push([message]);
  }
  return [...byKey.values()].flat();
}

function hasRoom(request: readonly OutgoingMessage[], { data }: OutgoingMessage): boolean {
  if (request.length >= requestMessagesMax) return false;
  return request.reduce((sum, each) => sum + each.data.length, data.length) <= requestBytesMax;
}
