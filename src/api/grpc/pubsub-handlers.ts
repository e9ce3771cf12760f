import { fromBinary, toBinary, type Message } from '@bufbuild/protobuf';

import {
  encodePublishResponse,
  encodePullResponse,
  invalidArgument,
  parsePublishRequest,
} from '../../broker/index.ts';
import { acknowledge, modifyAckDeadline, pull } from '../pubsub/consuming.ts';
import type { ApiMethod } from '../method.ts';
import { checkMessageCount, checkTopicName } from '../pubsub/validation.ts';
import { readAcknowledge, readModifyAckDeadline, readPull } from './consuming-wire.ts';
import { GrpcCall } from './grpc-call.ts';
import type { GrpcContext } from './grpc-context.ts';
import { cutStream, streamOf } from './stream-reset.ts';
import { callSignal, type UnaryMethod } from './unary-call.ts';

const empty = new Uint8Array(0);

/** The methods whose messages are read and written by hand, by their full names. */
export function hotMethods(context: GrpcContext): Map<string, UnaryMethod> {
  const { broker, draining } = context;
  return new Map<string, UnaryMethod>([
    [
      'google.pubsub.v1.Publisher.Publish',
      async (bytes) => {
        const { topic, messages } = parsePublishRequest(bytes);
        checkTopicName(topic);
        checkMessageCount(messages.length);
        return encodePublishResponse(await broker.publish(topic, messages));
      },
    ],
    [
      'google.pubsub.v1.Subscriber.Pull',
      async (bytes, call) => {
        const request = readPull(bytes);
        return pull(broker, request, callSignal(call, draining), (batch) => {
          if (batch.length > 0) watchAnswer(request.subscription, call, context);
          return encodePullResponse(batch);
        });
      },
    ],
    [
      'google.pubsub.v1.Subscriber.Acknowledge',
      async (bytes) => {
        await acknowledge(broker, readAcknowledge(bytes));
        return empty;
      },
    ],
    [
      'google.pubsub.v1.Subscriber.ModifyAckDeadline',
      async (bytes) => {
        await modifyAckDeadline(broker, readModifyAckDeadline(bytes));
        return empty;
      },
    ],
  ]);
}

/** From the batch's opening to the stream's end, which is when all of it has left. */
function watchAnswer(subscription: string, call: object, { unsent, clock }: GrpcContext): void {
  const stream = streamOf(call);
  const onSent = unsent.add(subscription, () => cutStream(stream, clock));
  if (stream.destroyed) onSent();
  else stream.once('close', onSent);
}

/** Any other method, by its descriptor. Malformed bytes are INVALID_ARGUMENT, not INTERNAL. */
export function messageMethod(
  { desc, call, release }: ApiMethod,
  draining: AbortSignal,
): UnaryMethod {
  return async (bytes, grpcCall) => {
    let request: Message;
    try {
      request = fromBinary(desc.input, bytes);
    } catch {
      throw invalidArgument(`not a valid serialised ${desc.input.name}`);
    }
    const apiCall = new GrpcCall(grpcCall, draining);
    const answer = await call(request, apiCall);
    const serialised = toBinary(desc.output, answer);
    release?.(answer);
    apiCall.sendTold();
    return serialised;
  };
}
