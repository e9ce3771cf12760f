import type {
  DescMessage,
  DescMethod,
  DescMethodUnary,
  Message,
  MessageShape,
} from '@bufbuild/protobuf';

/** A method that both wires serve from its messages; how they travel is the wires' business. */
export interface PubsubMethod {
  readonly desc: DescMethod;
  readonly call: (request: Message) => Promise<Message>;
}

/** Ties a handler to its method's descriptor, and thereby to the types of its messages. */
export function method<Input extends DescMessage, Output extends DescMessage>(
  desc: DescMethodUnary<Input, Output>,
  handle: (request: MessageShape<Input>) => Promise<MessageShape<Output>>,
): PubsubMethod {
  return { desc, call: async (request) => handle(request as MessageShape<Input>) };
}

/** `google.pubsub.v1.Publisher.CreateTopic`: the name of metrics, logs and errors. */
export function rpcName(desc: DescMethod): string {
  return `${desc.parent.typeName}.${desc.name}`;
}
