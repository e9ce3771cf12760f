import type { Action } from '../command/command-spec.ts';
import type { RestApi } from '../connection/rest-api.ts';
import { counted, cut, jsonText, roughly } from '../output/plain-text.ts';
import { tableLines } from '../output/table.ts';
import { labelText } from '../resources/resource-change.ts';
import { peekPage, peekPageMax, type PeekedMessage } from './peeked-messages.ts';
import { messageJson, textLine } from './received-message.ts';

const limitDefault = 10;
/** Of a message's data, in the table. */
const shownMax = 60;

interface Look {
  readonly limit: number;
  /** Undefined: as many as a request brings. */
  readonly maxBytes: number | undefined;
}

export const peek: Action = async ({ arguments: [text = ''], flags }, tools) => {
  const { api, names, out, clock } = tools;
  const subscription = names.subscription(text);
  const limit = flags.number('limit') ?? limitDefault;
  const look = { limit, maxBytes: flags.number('max-bytes') };
  const { messages, hasMore } = await peekAll(api, subscription, look);
  const hasAttributes = flags.isSet('attributes');
  const shown = out.isJson
    ? `${jsonText(messages.map(peekedJson), 2)}\n`
    : peekedText(messages, hasAttributes, clock.wallMs());
  await out.write(shown);
  out.note(remark(messages.length, hasMore, text));
};

async function peekAll(
  api: RestApi,
  subscription: string,
  { limit, maxBytes }: Look,
): Promise<{ messages: PeekedMessage[]; hasMore: boolean }> {
  const messages: PeekedMessage[] = [];
  let pageToken = '';
  do {
    const pageSize = Math.min(peekPageMax, limit - messages.length);
    const sizes = maxBytes === undefined ? { pageSize } : { pageSize, maxBytes };
    const page = await peekPage(api, subscription, { ...sizes, pageToken });
    messages.push(...page.messages);
    pageToken = page.nextPageToken;
    // Bytes are counted by the request.
    if (maxBytes !== undefined && messages.length > 0) break;
  } while (pageToken !== '' && messages.length < limit);
  return { messages, hasMore: pageToken !== '' };
}

function peekedJson(message: PeekedMessage): Record<string, unknown> {
  const { state, deliveryAttempt, endTime } = message;
  const end = state === 'outstanding' ? 'leaseExpireTime' : 'redeliveryTime';
  return {
    ...messageJson(message),
    state,
    deliveryAttempt,
    ...(endTime === '' ? {} : { [end]: endTime }),
  };
}

function peekedText(
  messages: readonly PeekedMessage[],
  hasAttributes: boolean,
  nowMs: number,
): string {
  if (messages.length === 0) return '';
  const hasKeys = messages.some(({ orderingKey }) => orderingKey !== '');
  const columns: readonly (readonly [title: string, cell: (message: PeekedMessage) => string])[] = [
    ['MESSAGE', ({ messageId }) => messageId],
    ['PUBLISHED', ({ publishTime }) => publishTime],
    ['STATE', (message) => stateText(message, nowMs)],
    ['ATTEMPT', ({ deliveryAttempt }) => String(deliveryAttempt)],
    ...(hasAttributes ? [['ATTRIBUTES', attributeText] as const] : []),
    ...(hasKeys ? [['KEY', keyText] as const] : []),
    ['DATA', (message) => cut(textLine(message, true), shownMax)],
  ];
  const lines = tableLines(
    columns.map(([title]) => ({ title })),
    messages.map((message) => columns.map(([, cell]) => cell(message))),
  );
  return `${lines.join('\n')}\n`;
}

const attributeText = ({ attributes }: PeekedMessage): string => labelText(attributes);
const keyText = ({ orderingKey }: PeekedMessage): string => orderingKey;

/** `outstanding, 8 s`: so long its lease lasts, or until it comes again. */
function stateText({ state, endTime }: PeekedMessage, nowMs: number): string {
  if (endTime === '') return state;
  return `${state}, ${roughly(Math.max(0, Date.parse(endTime) - nowMs))}`;
}

function remark(count: number, hasMore: boolean, subscription: string): string {
  if (count === 0) return `Nothing waits in ${subscription}.`;
  const more = hasMore ? ' More wait: see --limit.' : '';
  return `${counted(count, 'message')}, as stored; nothing was leased.${more}`;
}
