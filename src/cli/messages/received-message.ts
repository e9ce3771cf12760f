import type { Json } from '../connection/rest-api.ts';
import { visible } from '../output/plain-text.ts';

/** A delivered message, whichever way it came. */
export interface ReceivedMessage {
  readonly messageId: string;
  /** RFC 3339. */
  readonly publishTime: string;
  readonly data: Uint8Array;
  readonly attributes: Readonly<Record<string, string>>;
  /** Empty: none. */
  readonly orderingKey: string;
}

/** A PubsubMessage, as the API's JSON has it. */
export function messageOfApi(json: Json): ReceivedMessage {
  const { messageId, publishTime, data = '', attributes = {}, orderingKey = '' } = json;
  return {
    messageId: String(messageId),
    publishTime: String(publishTime),
    data: Buffer.from(String(data), 'base64'),
    attributes: attributes as Record<string, string>,
    orderingKey: String(orderingKey),
  };
}

/**
 * A message as JSON, which `sealpost publish --jsonl` takes back: `data` where it is text, else
 * `dataBase64`; what is empty is left out.
 */
export function messageJson(message: ReceivedMessage): Record<string, unknown> {
  const { messageId, publishTime, data, attributes, orderingKey } = message;
  const text = textOf(data);
  return {
    messageId,
    publishTime,
    ...(text === undefined ? { dataBase64: base64(data) } : { data: text }),
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
    ...(orderingKey === '' ? {} : { orderingKey }),
  };
}

/** A message's data on a line: shown as it is, or, for a terminal, without what would control it. */
export function textLine({ data }: ReceivedMessage, isTerminal: boolean): string {
  const text = textOf(data);
  if (text === undefined) return `base64:${base64(data)}`;
  return isTerminal ? visible(text) : text;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Undefined if the bytes are no text. */
function textOf(data: Uint8Array): string | undefined {
  try {
    return decoder.decode(data);
  } catch {
    return undefined;
  }
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');
