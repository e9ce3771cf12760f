import { CommandError } from '../command/command-error.ts';

/** A message on its way to a topic. */
export interface OutgoingMessage {
  readonly data: Uint8Array;
  readonly attributes: Readonly<Record<string, string>>;
  /** Empty: none. */
  readonly orderingKey: string;
}

/** What the options give every message of a command. */
export type MessageFrame = Pick<OutgoingMessage, 'attributes' | 'orderingKey'>;

/** Pub/Sub refuses a message that has neither data nor attributes. */
export function isEmpty({ data, attributes }: OutgoingMessage): boolean {
  return data.length === 0 && Object.keys(attributes).length === 0;
}

/** About what it takes in a request, without its data. */
export function frameBytes({ attributes, orderingKey }: OutgoingMessage): number {
  const entries = Object.entries(attributes);
  return entries.reduce((sum, [key, value]) => sum + key.length + value.length, orderingKey.length);
}

/** What `sealpost subscribe --format json` prints too, so that one can be piped into the other. */
const passedOver = ['messageId', 'publishTime', 'deliveryAttempt', 'ackId'];

/**
 * Reads a line of --jsonl: `data` is text, `dataBase64` bytes; attributes and ordering key win over
 * those of the options. Throws a sentence that says what is wrong with it.
 */
export function messageOfJson(
  line: Uint8Array,
  number: number,
  frame: MessageFrame,
): OutgoingMessage {
  const {
    data,
    dataBase64,
    attributes = {},
    orderingKey = frame.orderingKey,
    ...rest
  } = object(line, number);
  const unknown = Object.keys(rest).find((name) => !passedOver.includes(name));
  if (unknown !== undefined) throw badLine(number, `it has the unknown field "${unknown}"`);
  if (typeof orderingKey !== 'string') throw badLine(number, 'its orderingKey is no string');
  if (!isTextMap(attributes)) throw badLine(number, 'its attributes are no object of strings');
  return {
    data: bytesOf(data, dataBase64, number),
    attributes: { ...frame.attributes, ...attributes },
    orderingKey,
  };
}

function object(line: Uint8Array, number: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
  } catch {
    throw badLine(number, 'it is no JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw badLine(number, 'it is no object');
}

function bytesOf(data: unknown, dataBase64: unknown, number: number): Uint8Array {
  if (data !== undefined && dataBase64 !== undefined) {
    throw badLine(number, 'it has both data and dataBase64');
  }
  if (dataBase64 === undefined) {
    if (data === undefined || typeof data === 'string') return Buffer.from(data ?? '');
    throw badLine(number, 'its data is no string');
  }
  const isBase64 = typeof dataBase64 === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(dataBase64);
  if (!isBase64) throw badLine(number, 'its dataBase64 is no base64');
  return Buffer.from(dataBase64, 'base64');
}

function isTextMap(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((each) => typeof each === 'string');
}

const badLine = (number: number, why: string): CommandError =>
  new CommandError(`Line ${number} is no message: ${why}.`, { hint: 'See sealpost help publish.' });
