import { fromBinary, toBinary, type Message } from '@bufbuild/protobuf';

import {
  encodePublishResponse,
  encodePullResponse,
  invalidArgument,
  parsePublishRequest,
} from '../../broker/index.ts';
import { operator, type Principal } from '../../iam/index.ts';
import { oneField } from '../access/request-fields.ts';
import { requirePull, watchedPull, watchUntaken, type Puller } from '../access/watched-pull.ts';
import { acknowledge, modifyAckDeadline, pull } from '../pubsub/consuming.ts';
import type { ApiMethod } from '../method.ts';
import { checkMessageCount, checkTopicName } from '../pubsub/validation.ts';
import { readAcknowledge, readModifyAckDeadline, readPull } from './consuming-wire.ts';
import { GrpcCall } from './grpc-call.ts';
import type { GrpcContext } from './grpc-context.ts';
import { cutStream, streamOf } from './stream-reset.ts';
import { callSignal, type UnaryMethod } from './unary-call.ts';

const empty = new Uint8Array(0);
const publishRpc = 'google.pubsub.v1.Publisher.Publish';
const acknowledgeRpc = 'google.pubsub.v1.Subscriber.Acknowledge';
const modifyRpc = 'google.pubsub.v1.Subscriber.ModifyAckDeadline';

/** The methods whose messages are read and written by hand, by their full names. */
export function hotMethods(context: GrpcContext): Map<string, UnaryMethod> {
  const { access, broker, draining } = context;
  const letPass = (principal: Principal, rpc: string, field: string, name: string): void => {
    if (principal !== operator) access.require(principal, rpc, oneField(field, name));
  };
  return new Map<string, UnaryMethod>([
    [
      publishRpc,
      async (bytes, _call, principal) => {
        const { topic, messages } = parsePublishRequest(bytes);
        checkTopicName(topic);
        letPass(principal, publishRpc, 'topic', topic);
        checkMessageCount(messages.length);
        return encodePublishResponse(await broker.publish(topic, messages));
      },
    ],
    [
      'google.pubsub.v1.Subscriber.Pull',
      async (bytes, call, principal) => {
        const request = readPull(bytes);
        const puller = { principal, subscription: request.subscription };
        requirePull(access, puller);
        return watchedPull(access, puller, callSignal(call, draining), (signal) =>
          pull(broker, request, signal, (batch) => {
            if (batch.length > 0) watchAnswer(puller, call, context);
            return encodePullResponse(batch);
          }),
        );
      },
    ],
    [
      acknowledgeRpc,
      async (bytes, _call, principal) => {
        const request = readAcknowledge(bytes);
        letPass(principal, acknowledgeRpc, 'subscription', request.subscription);
        await acknowledge(broker, request);
        return empty;
      },
    ],
    [
      modifyRpc,
      async (bytes, _call, principal) => {
        const request = readModifyAckDeadline(bytes);
        letPass(principal, modifyRpc, 'subscription', request.subscription);
        await modifyAckDeadline(broker, request);
        return empty;
      },
    ],
  ]);
}

/** From the batch's opening to the stream's end, which is when all of it has left. */
function watchAnswer(puller: Puller, call: object, { access, unsent, clock }: GrpcContext): void {
  const stream = streamOf(call);
  if (stream.destroyed) return;
  const cut = (): void => cutStream(stream, clock);
  stream.once('close', unsent.add(puller.subscription, cut));
  stream.once('close', watchUntaken(access, puller, clock, cut));
}

/** Any other method, by its descriptor. Malformed bytes are INVALID_ARGUMENT, not INTERNAL. */
export function messageMethod(
  { desc, call, release }: ApiMethod,
  context: GrpcContext,
): UnaryMethod {
  return async (bytes, grpcCall, principal) => {
    let request: Message;
    try {
      request = fromBinary(desc.input, bytes);
    } catch {
      throw invalidArgument(`not a valid serialised ${desc.input.name}`);
    }
    const apiCall = new GrpcCall(grpcCall, principal, context);
    const answer = await call(request, apiCall);
    const serialised = toBinary(desc.output, answer);
    release?.(answer);
    apiCall.sendTold();
    return serialised;
  };
}
