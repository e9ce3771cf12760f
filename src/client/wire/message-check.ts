import { badArgument } from '../sealpost-error.ts';
import type { PublishMessage, SettleResult } from './frame.ts';

export interface CheckedMessage {
  readonly data: Uint8Array | string;
  readonly attributes: readonly (readonly [key: string, value: string])[];
  readonly orderingKey: string;
}

const noData = new Uint8Array(0);

/** The fields of a message to publish; throws INVALID_ARGUMENT where one has the wrong type. */
export function checkMessage(message: PublishMessage): CheckedMessage {
  const { data = noData, attributes = {}, orderingKey = '' } = message;
  if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
    throw badArgument('BAD_MESSAGE', "A message's data must be a Uint8Array or a string.");
  }
  if (typeof orderingKey !== 'string') {
    throw badArgument('BAD_MESSAGE', "A message's orderingKey must be a string.");
  }
  const entries = Object.entries(attributes);
  const bad = entries.find(([, value]) => typeof value !== 'string');
  if (bad !== undefined) {
    throw badArgument('BAD_MESSAGE', `The attribute ${JSON.stringify(bad[0])} must be a string.`);
  }
  return { data, attributes: entries, orderingKey };
}

/** sealpost.v1.SettleResult, by number. */
export function settleResults(number: number): SettleResult {
  if (number === 1) return 'done';
  return number === 2 ? 'expired' : 'invalid';
}
