import type {
  DescMessage,
  DescMethod,
  DescMethodUnary,
  Message,
  MessageShape,
} from '@bufbuild/protobuf';

import type { Principal } from '../iam/index.ts';
import type { CallerClaims } from '../remote-kms/index.ts';

/** What a method may know of the call beside its request, whichever wire it came over. */
export interface ApiCall {
  /** Who calls: authenticated, or the operator where nobody is asked. */
  readonly principal: Principal;
  /** The peer's address without its port; absent once the connection is gone. */
  readonly callerIp?: string | undefined;
  readonly userAgent?: string | undefined;
  /** `x-sealpost-force-destroy: true`, as a header or as gRPC metadata. */
  readonly forceDestroy: boolean;
  /** The process calls itself: quotas are for others. */
  readonly isOwn?: true;
  /**
   * For whom keys are used, as a broker in another process says in `x-sealpost-` headers.
   *
   * @throws RpcError INVALID_ARGUMENT for claims that are none
   */
  readonly callerClaims?: CallerClaims;
  /**
   * Says something beside the answer's message: gRPC response metadata, or a header over REST.
   * Names in lower case, values of visible ASCII; the last of a name counts.
   */
  tell?(name: string, value: string): void;
  /** Aborts when the client gives up, goes away or runs out of time, or when the server drains. */
  readonly signal: AbortSignal;
}

/** A method that both wires serve from its messages; how they travel is the wires' business. */
export interface ApiMethod {
  readonly desc: DescMethod;
  readonly call: (request: Message, call: ApiCall) => Promise<Message>;
  /** Called when the answer has been written: overwrites secrets in it. */
  readonly release?: (answer: Message) => void;
}

/** Ties a handler to its method's descriptor, and thereby to the types of its messages. */
export function method<Input extends DescMessage, Output extends DescMessage>(
  desc: DescMethodUnary<Input, Output>,
  handle: (request: MessageShape<Input>, call: ApiCall) => Promise<MessageShape<Output>>,
  release?: (answer: MessageShape<Output>) => void,
): ApiMethod {
  return {
    desc,
    call: async (request, call) => handle(request as MessageShape<Input>, call),
    ...(release && { release: (answer) => release(answer as MessageShape<Output>) }),
  };
}

/** `google.pubsub.v1.Publisher.CreateTopic`: the name of metrics, logs and errors. */
export function rpcName(desc: DescMethod): string {
  return `${desc.parent.typeName}.${desc.name}`;
}

/** The header, or the metadata's key, of `ApiCall.forceDestroy`. */
export const forceDestroyHeader = 'x-sealpost-force-destroy';

/** A socket's address as it is written down: IPv4 without the prefix of a dual-stack listener. */
export function callerIpOf(remoteAddress: string | undefined): string | undefined {
  return remoteAddress?.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress;
}
