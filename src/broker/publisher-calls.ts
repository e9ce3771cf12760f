import { RpcError } from '../rpc/index.ts';
import { limits, tooLarge, tooSmall } from './limits.ts';
import type { Registry } from './registry.ts';
import type { SealableMessage } from './service.ts';
import { checkStorageRegion } from './resources/storage-policy.ts';

const nothingPublished: readonly number[] = [];

/** What publishers call. */
export class PublisherCalls {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Ids in the order of the messages; durable when it resolves. */
  async publish(topicName: string, messages: readonly SealableMessage[]): Promise<string[]> {
    const { clock, observer } = this.#registry.ports;
    const startedMs = clock.monotonicMs();
    const hasOrdering = messages[0] !== undefined && messages[0].orderingKey !== '';
    try {
      this.#registry.refuseWhenDraining();
      const messageBytes = checkedSizes(messages);
      const topic = this.#registry.topic(topicName);
      checkStorageRegion(topic.row, this.#registry.ports.region);
      this.#registry.throughput.publish(topicName, messageBytes);
      const ids = await topic.publish(messages);
      const sizes = { messageBytes, hasOrdering };
      observer.publish(topicName, 'OK', sizes, clock.monotonicMs() - startedMs);
      return ids;
    } catch (error) {
      const { code } = RpcError.from(error);
      const sizes = { messageBytes: nothingPublished, hasOrdering };
      observer.publish(topicName, code, sizes, clock.monotonicMs() - startedMs);
      throw error;
    }
  }
}

/** pubsub.v1 Publish: 1 to 1,000 messages, 10 MB together, one ordering key in all. */
function checkedSizes(messages: readonly SealableMessage[]): number[] {
  const { messagesPerPublishMax, requestBytesMax } = limits;
  const count = messages.length;
  if (count === 0) throw tooSmall('message_count', 0, 1);
  if (count > messagesPerPublishMax) throw tooLarge('message_count', count, messagesPerPublishMax);
  const { orderingKey } = messages[0]!;
  const sizes: number[] = [];
  let bytes = 0;
  for (const message of messages) {
    const { length } = message.bytes;
    sizes.push(length);
    bytes += length;
    if (message.orderingKey !== orderingKey) throw mixedOrderingKeys();
  }
  if (bytes > requestBytesMax) throw tooLarge('request_size', bytes, requestBytesMax);
  return sizes;
}

const mixedOrderingKeys = (): RpcError =>
  new RpcError(
    'INVALID_ARGUMENT',
    'MIXED_ORDERING_KEYS',
    'In a single publish request, all messages must have no ordering key or they must all have the same ordering key.',
  );
