import type { Action } from '../command/command-spec.ts';
import type { Json, RestApi } from '../connection/rest-api.ts';
import { counted, cut, jsonText } from '../output/plain-text.ts';
import { tableLines } from '../output/table.ts';
import { labelText } from '../resources/resource-change.ts';
import { pushedElsewhere } from './pushed-elsewhere.ts';
import { messageJson, messageOfApi, textLine, type ReceivedMessage } from './received-message.ts';

interface Pulled extends ReceivedMessage {
  readonly ackId: string;
}

const maxDefault = 10;
/** The most that one request gives. */
const requestMax = 1000;
/** Of a message's data, in the table. */
const shownMax = 60;

export const pull: Action = async ({ arguments: [text = ''], flags }, { api, names, out }) => {
  const subscription = names.subscription(text);
  const isAcked = flags.isSet('ack');
  const max = flags.number('max') ?? maxDefault;
  const messages = await pullAll(api, subscription, max).catch(async (error: unknown) => {
    throw await pushedElsewhere(error, { api, subscription, text });
  });
  const isRead = await out.write(out.isJson ? pulledJson(messages, isAcked) : pulledText(messages));
  if (!isRead) {
    // Nobody saw them: they are for whoever asks next.
    await settle(api, `${subscription}:modifyAckDeadline`, messages, { ackDeadlineSeconds: 0 });
    out.note(`Nobody read it: ${counted(messages.length, 'message')} given back.`);
    return;
  }
  if (isAcked) await settle(api, `${subscription}:acknowledge`, messages);
  out.note(remark(messages.length, isAcked, text));
};

/** Asks until there are enough, or no more are there. */
async function pullAll(api: RestApi, subscription: string, max: number): Promise<Pulled[]> {
  const messages: Pulled[] = [];
  while (messages.length < max) {
    const maxMessages = Math.min(requestMax, max - messages.length);
    const body = { maxMessages, returnImmediately: true };
    const { receivedMessages = [] } = await api.post(`${subscription}:pull`, body);
    const batch = (receivedMessages as Json[]).map(pulledOf);
    messages.push(...batch);
    if (batch.length === 0) break;
  }
  return messages;
}

function pulledOf({ ackId, message }: Json): Pulled {
  return { ackId: String(ackId), ...messageOfApi(message as Json) };
}

async function settle(
  api: RestApi,
  path: string,
  messages: readonly Pulled[],
  fields: object = {},
): Promise<void> {
  for (let from = 0; from < messages.length; from += requestMax) {
    const ackIds = messages.slice(from, from + requestMax).map(({ ackId }) => ackId);
    await api.post(path, { ackIds, ...fields });
  }
}

function pulledJson(messages: readonly Pulled[], isAcked: boolean): string {
  const shown = messages.map((each) =>
    isAcked ? messageJson(each) : { ...messageJson(each), ackId: each.ackId },
  );
  return `${jsonText(shown, 2)}\n`;
}

function pulledText(messages: readonly Pulled[]): string {
  if (messages.length === 0) return '';
  const columns = ['MESSAGE', 'PUBLISHED', 'ATTRIBUTES', 'KEY', 'DATA'].map((title) => ({ title }));
  const rows = messages.map((message) => [
    message.messageId,
    message.publishTime,
    labelText(message.attributes),
    message.orderingKey,
    cut(textLine(message, true), shownMax),
  ]);
  // Most messages have no key: a column of blanks would only take their place.
  const hasKeys = messages.some(({ orderingKey }) => orderingKey !== '');
  const keep = (_: unknown, at: number): boolean => hasKeys || at !== 3;
  const lines = tableLines(
    columns.filter(keep),
    rows.map((row) => row.filter(keep)),
  );
  return `${lines.join('\n')}\n`;
}

function remark(count: number, isAcked: boolean, subscription: string): string {
  if (count === 0) return `No message waits in ${subscription} now.`;
  if (isAcked) return `Acknowledged ${counted(count, 'message')}.`;
  const fate = count === 1 ? 'it comes' : 'they come';
  return `${counted(count, 'message')}, not acknowledged: ${fate} again. --ack changes that.`;
}
