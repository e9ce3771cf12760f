import { limits } from '../../../broker/index.ts';
import { RpcError } from '../../../rpc/index.ts';
import { checkAckDeadline, checkSubscriptionName } from '../../pubsub/validation.ts';
import type { StreamingPullRequest } from '../consuming-wire.ts';

/** It is kept while messages of the stream are outstanding; clients send UUIDs. */
const clientIdMax = 1_024;

/** What the first request of a StreamingPull must and later ones must not say (pubsub.proto). */
export function checkFirstRequest(request: StreamingPullRequest): void {
  if (request.subscription === '') throw invalid('first message must set subscription');
  checkSubscriptionName(request.subscription);
  if (request.streamAckDeadlineSeconds === 0) {
    throw invalid('first message must set stream_ack_deadline_seconds');
  }
  checkStreamDeadline(request.streamAckDeadlineSeconds);
  if (request.clientId.length > clientIdMax) {
    throw invalid(`client_id must not be longer than ${clientIdMax} characters`);
  }
  checkDeadlines(request);
}

/** `clientId`: the first request's, which "only needs to be provided" there, and may be again. */
export function checkLaterRequest(request: StreamingPullRequest, clientId: string): void {
  if (request.subscription !== '') throw invalid('subscription may only be set in first message');
  const onlyFirst = [
    ['max_outstanding_messages', request.maxOutstandingMessages !== 0],
    ['max_outstanding_bytes', request.maxOutstandingBytes !== 0],
    ['protocol_version', request.protocolVersion !== 0],
    ['client_id', request.clientId !== '' && request.clientId !== clientId],
  ] as const;
  for (const [field, isSet] of onlyFirst) {
    if (isSet) throw invalid(`${field} may only be set in first message`);
  }
  if (request.streamAckDeadlineSeconds !== 0) {
    checkStreamDeadline(request.streamAckDeadlineSeconds);
  }
  checkDeadlines(request);
}

/** An empty request only asks whether we are there; clients reopen after 15 s without answer. */
export function isKeepAlive(request: StreamingPullRequest): boolean {
  return (
    request.ackIds.length === 0 &&
    request.modifyDeadlineAckIds.length === 0 &&
    request.streamAckDeadlineSeconds === 0
  );
}

/** A stream has lived as long as any may: clients open the next at once. */
export function streamOver(): RpcError {
  return new RpcError(
    'UNAVAILABLE',
    'STREAM_TIME_OVER',
    'The service was unable to fulfill your request. Please try again.',
  );
}

function checkStreamDeadline(seconds: number): void {
  const { ackDeadlineSecondsMin: min, ackDeadlineSecondsMax: max } = limits;
  if (seconds >= min && seconds <= max) return;
  throw invalid(`stream_ack_deadline_seconds must be between ${min} and ${max} seconds`);
}

function checkDeadlines(request: StreamingPullRequest): void {
  const { modifyDeadlineAckIds, modifyDeadlineSeconds } = request;
  if (modifyDeadlineAckIds.length !== modifyDeadlineSeconds.length) {
    throw invalid('ack IDs and deadlines must have the same size');
  }
  for (const seconds of modifyDeadlineSeconds) {
    if (seconds < 0) throw invalid('Ack deadline cannot be negative');
    checkAckDeadline(seconds, 0);
  }
}

const invalid = (message: string): RpcError =>
  new RpcError('INVALID_ARGUMENT', 'INVALID_STREAM_REQUEST', message);
