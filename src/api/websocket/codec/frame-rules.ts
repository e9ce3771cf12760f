import { invalidArgument, limits, tooLarge, tooSmall } from '../../../broker/index.ts';
import { RpcError } from '../../../rpc/index.ts';
import { checkAckDeadline } from '../../pubsub/validation.ts';
import type { ClientFrame, SettleFrame, SubscribeFrame } from '../frames.ts';

/** The members of ClientFrame's `frame` by their proto names, in the order of their numbers. */
export const requestNames = [
  'hello',
  'publish',
  'subscribe',
  'unsubscribe',
  'acknowledge',
  'modify_ack_deadline',
  'ping',
] as const;

export type RequestName = (typeof requestNames)[number];

/** Ack ids of one frame. */
export const ackIdsMax = 3_000;

const mayGoWithoutId: ReadonlySet<RequestName> = new Set([
  'hello',
  'acknowledge',
  'modify_ack_deadline',
  'ping',
]);

/**
 * What `read` makes of a request; what it throws is the answer to it, if anyone waits for one.
 * `name` gives the member that is set, or throws unless it is one.
 */
export function readRequest(
  id: number,
  names: readonly RequestName[],
  read: (name: () => RequestName) => ClientFrame,
): ClientFrame {
  checkId(id, 'id');
  try {
    return read(() => soleName(id, names));
  } catch (error) {
    const isHello = names.length === 1 && names[0] === 'hello';
    if (id === 0 || isHello || !(error instanceof RpcError)) throw error;
    return { kind: 'refused', id, error };
  }
}

function soleName(id: number, names: readonly RequestName[]): RequestName {
  const [name, another] = names;
  if (name === undefined) throw invalidArgument(`frame: one of ${requestNames.join(', ')}`);
  if (another !== undefined) throw invalidArgument('frame: only one may be set');
  if (id === 0 && !mayGoWithoutId.has(name)) throw invalidArgument(`id: ${name} needs one`);
  return name;
}

/** 64-bit numbers beyond this have no exact value in JSON, nor in JavaScript. */
export function checkId(id: number, field: string): void {
  if (id >= 0 && Number.isSafeInteger(id)) return;
  throw invalidArgument(`${field}: must be between 0 and ${Number.MAX_SAFE_INTEGER}`);
}

export function checkedSubscribe(frame: SubscribeFrame): SubscribeFrame {
  if ((frame.subscription === '') === (frame.topic === '')) {
    throw invalidArgument('subscribe: either subscription or topic must be set');
  }
  const { ackDeadlineSeconds, outstandingMessagesMax, outstandingBytesMax } = frame;
  if (ackDeadlineSeconds !== 0) checkAckDeadline(ackDeadlineSeconds, limits.ackDeadlineSecondsMin);
  checkNotNegative('max_outstanding_messages', outstandingMessagesMax);
  checkNotNegative('max_outstanding_bytes', outstandingBytesMax);
  return frame;
}

function checkNotNegative(field: string, value: number): void {
  if (value < 0) throw tooSmall(field, value, 0);
}

export function checkedSettle(frame: SettleFrame): SettleFrame {
  const name = frame.deadlineSeconds === null ? 'acknowledge' : 'modify_ack_deadline';
  checkId(frame.stream, `${name}.stream`);
  if (frame.deadlineSeconds !== null) checkAckDeadline(frame.deadlineSeconds, 0);
  const count = frame.ackIds.length;
  if (count < 1) throw tooSmall('ack_id_count', count, 1);
  if (count > ackIdsMax) throw tooLarge('ack_id_count', count, ackIdsMax);
  return frame;
}
