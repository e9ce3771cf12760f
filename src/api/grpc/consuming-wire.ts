import type {
  AcknowledgeRequest,
  ModifyAckDeadlineRequest,
  PullRequest,
} from '../pubsub/consuming.ts';
import { FieldReader } from '../wire/field-reader.ts';

/** google.pubsub.v1.StreamingPullRequest; what is absent has protobuf's defaults. */
export interface StreamingPullRequest {
  subscription: string;
  readonly ackIds: string[];
  readonly modifyDeadlineSeconds: number[];
  readonly modifyDeadlineAckIds: string[];
  streamAckDeadlineSeconds: number;
  clientId: string;
  maxOutstandingMessages: number;
  maxOutstandingBytes: number;
  protocolVersion: number;
}

/** Field numbers are those of pubsub.proto. */
export function readAcknowledge(bytes: Buffer): AcknowledgeRequest {
  const reader = new FieldReader(bytes, 'AcknowledgeRequest');
  const ackIds: string[] = [];
  let subscription = '';
  while (reader.next()) {
    if (reader.field === 1) subscription = reader.text();
    else if (reader.field === 2) ackIds.push(reader.asciiText());
    else reader.skip();
  }
  return { subscription, ackIds };
}

export function readModifyAckDeadline(bytes: Buffer): ModifyAckDeadlineRequest {
  const reader = new FieldReader(bytes, 'ModifyAckDeadlineRequest');
  const ackIds: string[] = [];
  let subscription = '';
  let ackDeadlineSeconds = 0;
  while (reader.next()) {
    if (reader.field === 1) subscription = reader.text();
    else if (reader.field === 3) ackDeadlineSeconds = reader.integer();
    else if (reader.field === 4) ackIds.push(reader.asciiText());
    else reader.skip();
  }
  return { subscription, ackIds, ackDeadlineSeconds };
}

export function readPull(bytes: Buffer): PullRequest {
  const reader = new FieldReader(bytes, 'PullRequest');
  let subscription = '';
  let returnImmediately = false;
  let maxMessages = 0;
  while (reader.next()) {
    if (reader.field === 1) subscription = reader.text();
    else if (reader.field === 2) returnImmediately = reader.integer() !== 0;
    else if (reader.field === 3) maxMessages = reader.integer();
    else reader.skip();
  }
  return { subscription, returnImmediately, maxMessages };
}

export function readStreamingPull(bytes: Buffer): StreamingPullRequest {
  const reader = new FieldReader(bytes, 'StreamingPullRequest');
  const request: StreamingPullRequest = {
    subscription: '',
    ackIds: [],
    modifyDeadlineSeconds: [],
    modifyDeadlineAckIds: [],
    streamAckDeadlineSeconds: 0,
    clientId: '',
    maxOutstandingMessages: 0,
    maxOutstandingBytes: 0,
    protocolVersion: 0,
  };
  while (reader.next()) readStreamingField(reader, request);
  return request;
}

function readStreamingField(reader: FieldReader, request: StreamingPullRequest): void {
  switch (reader.field) {
    case 1:
      request.subscription = reader.text();
      return;
    case 2:
      request.ackIds.push(reader.asciiText());
      return;
    case 3:
      reader.integers(request.modifyDeadlineSeconds);
      return;
    case 4:
      request.modifyDeadlineAckIds.push(reader.asciiText());
      return;
    case 5:
      request.streamAckDeadlineSeconds = reader.integer();
      return;
    case 6:
      request.clientId = reader.text();
      return;
    case 7:
      request.maxOutstandingMessages = reader.integer();
      return;
    case 8:
      request.maxOutstandingBytes = reader.integer();
      return;
    case 10:
      request.protocolVersion = reader.integer();
      return;
    default:
      reader.skip();
  }
}
