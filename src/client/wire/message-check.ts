import { badArgument } from '../sealpost-error.ts';
import type { PublishMessage, SettleResult } from './frame.ts';

export interface CheckedMessage {
  readonly data: Uint8Array | string;
  readonly attributes: readonly (readonly [key: string, value: string])[];
  readonly orderingKey: string;
}

const noData = new Uint8Array(0);

/** The last three are of a message that was received, and may be published as it is. */
const known: ReadonlySet<string> = new Set([
  'data',
  'attributes',
  'orderingKey',
  'id',
  'publishTime',
  'deliveryAttempt',
]);

/** The fields of a message to publish; throws INVALID_ARGUMENT where one has the wrong type. */
export function checkMessage(message: PublishMessage): CheckedMessage {
  checkFields(message);
  const { data = noData, attributes = {}, orderingKey = '' } = message;
  if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
    throw badArgument('BAD_MESSAGE', "A message's data must be a Uint8Array or a string.");
  }
  if (typeof orderingKey !== 'string') {
    throw badArgument('BAD_MESSAGE', "A message's orderingKey must be a string.");
  }
  if (!isObject(attributes)) {
    const text = `A message's attributes must be an object of strings, not ${kindOf(attributes)}.`;
    throw badArgument('BAD_MESSAGE', text);
  }
  const entries = Object.entries(attributes);
  const bad = entries.find(([, value]) => typeof value !== 'string');
  if (bad !== undefined) {
    throw badArgument('BAD_MESSAGE', `The attribute ${JSON.stringify(bad[0])} must be a string.`);
  }
  return { data, attributes: entries, orderingKey };
}

/** A field with a typing mistake would be a message without it. */
function checkFields(message: unknown): void {
  if (!isObject(message)) {
    const text = `A message is an object such as {data: 'text'}, not ${kindOf(message)}.`;
    throw badArgument('BAD_MESSAGE', text);
  }
  const unknown = Object.keys(message).find((name) => !known.has(name));
  if (unknown === undefined) return;
  const text = `A message has data, attributes and orderingKey, and no field ${JSON.stringify(unknown)}.`;
  throw badArgument('BAD_MESSAGE', text);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !isBytesOrList(value);
}

const isBytesOrList = (value: object): boolean => Array.isArray(value) || ArrayBuffer.isView(value);

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  return Array.isArray(value) ? 'an array' : value.constructor.name;
}

const settleNames: readonly (SettleResult | undefined)[] = [
  undefined,
  'done',
  'expired',
  'invalid',
  'unordered',
  'failed',
];

/** sealpost.v1.SettleResult, by number. */
export function settleResults(number: number): SettleResult {
  return settleNames[number] ?? 'invalid';
}
