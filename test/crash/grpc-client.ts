import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import * as pubsub from '../../src/proto/google/pubsub/v1/pubsub_pb.ts';
import { CallFailure, type Incoming, type Outgoing, type PubsubClient } from './pubsub-client.ts';

type Service = 'Publisher' | 'Subscriber';

/** An open StreamingPull. */
export interface OpenStream {
  acknowledge(ackIds: readonly string[]): void;
  /** Resolves with the status that ended it. */
  readonly ended: Promise<string>;
  cancel(): void;
}

/** The generated messages over grpc-js, with no retries of the library's own. */
export class GrpcClient implements PubsubClient {
  readonly protocol = 'grpc' as const;
  readonly #client: Client;

  constructor(url: string) {
    this.#client = new Client(new URL(url).host, credentials.createInsecure(), {
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
    });
  }

  async createTopic(name: string, kmsKeyName = ''): Promise<void> {
    const ask = { name, kmsKeyName };
    await this.#call('Publisher', 'CreateTopic', pubsub.TopicSchema, ask, pubsub.TopicSchema);
  }

  async deleteTopic(topic: string): Promise<void> {
    const ask = { topic };
    await this.#call('Publisher', 'DeleteTopic', pubsub.DeleteTopicRequestSchema, ask, EmptySchema);
  }

  async listTopics(project: string): Promise<string[]> {
    const reply = await this.#call(
      'Publisher',
      'ListTopics',
      pubsub.ListTopicsRequestSchema,
      { project, pageSize: 1000 },
      pubsub.ListTopicsResponseSchema,
    );
    return reply.topics.map(({ name }) => name);
  }

  async createSubscription(name: string, topic: string, ackDeadlineSeconds = 600): Promise<void> {
    const schema = pubsub.SubscriptionSchema;
    const ask = { name, topic, ackDeadlineSeconds };
    await this.#call('Subscriber', 'CreateSubscription', schema, ask, schema);
  }

  async deleteSubscription(subscription: string): Promise<void> {
    const schema = pubsub.DeleteSubscriptionRequestSchema;
    await this.#call('Subscriber', 'DeleteSubscription', schema, { subscription }, EmptySchema);
  }

  async listSubscriptions(project: string): Promise<string[]> {
    const reply = await this.#call(
      'Subscriber',
      'ListSubscriptions',
      pubsub.ListSubscriptionsRequestSchema,
      { project, pageSize: 1000 },
      pubsub.ListSubscriptionsResponseSchema,
    );
    return reply.subscriptions.map(({ name }) => name);
  }

  async createSnapshot(name: string, subscription: string): Promise<void> {
    const schema = pubsub.CreateSnapshotRequestSchema;
    const ask = { name, subscription };
    await this.#call('Subscriber', 'CreateSnapshot', schema, ask, pubsub.SnapshotSchema);
  }

  async deleteSnapshot(snapshot: string): Promise<void> {
    const schema = pubsub.DeleteSnapshotRequestSchema;
    await this.#call('Subscriber', 'DeleteSnapshot', schema, { snapshot }, EmptySchema);
  }

  async listSnapshots(project: string): Promise<string[]> {
    const reply = await this.#call(
      'Subscriber',
      'ListSnapshots',
      pubsub.ListSnapshotsRequestSchema,
      { project, pageSize: 1000 },
      pubsub.ListSnapshotsResponseSchema,
    );
    return reply.snapshots.map(({ name }) => name);
  }

  async seek(subscription: string, snapshot: string): Promise<void> {
    const schema = pubsub.SeekRequestSchema;
    const ask = { subscription, target: { case: 'snapshot' as const, value: snapshot } };
    await this.#call('Subscriber', 'Seek', schema, ask, pubsub.SeekResponseSchema);
  }

  async publish(topic: string, messages: readonly Outgoing[]): Promise<string[]> {
    const reply = await this.#call(
      'Publisher',
      'Publish',
      pubsub.PublishRequestSchema,
      { topic, messages: messages.map(({ ...message }) => message) },
      pubsub.PublishResponseSchema,
    );
    return reply.messageIds;
  }

  async pull(subscription: string, messagesMax: number): Promise<Incoming[]> {
    const reply = await this.#call(
      'Subscriber',
      'Pull',
      pubsub.PullRequestSchema,
      { subscription, maxMessages: messagesMax, returnImmediately: true },
      pubsub.PullResponseSchema,
    );
    return reply.receivedMessages.map(incomingOf);
  }

  async acknowledge(subscription: string, ackIds: readonly string[]): Promise<void> {
    const schema = pubsub.AcknowledgeRequestSchema;
    const ask = { subscription, ackIds: [...ackIds] };
    await this.#call('Subscriber', 'Acknowledge', schema, ask, EmptySchema);
  }

  stream(subscription: string, take: (messages: Incoming[]) => void): OpenStream {
    const schema = pubsub.StreamingPullRequestSchema;
    const call = this.#client.makeBidiStreamRequest(
      '/google.pubsub.v1.Subscriber/StreamingPull',
      (ask: MessageShape<typeof schema>) => Buffer.from(toBinary(schema, ask)),
      (bytes) => fromBinary(pubsub.StreamingPullResponseSchema, bytes),
    );
    const ended = Promise.withResolvers<string>();
    call.on('data', (reply: pubsub.StreamingPullResponse) => {
      take(reply.receivedMessages.map(incomingOf));
    });
    call.on('error', (error: ServiceError) => ended.resolve(status[error.code]));
    call.on('status', (end: { code: status }) => ended.resolve(status[end.code]));
    call.write(create(schema, { subscription, streamAckDeadlineSeconds: 600 }));
    return {
      acknowledge: (ackIds) => void call.write(create(schema, { ackIds: [...ackIds] })),
      ended: ended.promise,
      cancel: () => call.cancel(),
    };
  }

  close(): void {
    this.#client.close();
  }

  #call<Ask extends DescMessage, Reply extends DescMessage>(
    service: Service,
    method: string,
    askSchema: Ask,
    ask: MessageInitShape<Ask>,
    replySchema: Reply,
  ): Promise<MessageShape<Reply>> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        `/google.pubsub.v1.${service}/${method}`,
        (message: MessageShape<Ask>) => Buffer.from(toBinary(askSchema, message)),
        (bytes) => fromBinary(replySchema, bytes),
        create(askSchema, ask),
        (error, reply) => {
          if (error) reject(failureOf(error));
          else resolve(reply!);
        },
      );
    });
  }
}

/** What the library says of a connection that broke is no answer of the server. */
function failureOf(error: ServiceError): CallFailure {
  const isBroken =
    error.code === status.UNAVAILABLE || /RST_STREAM|Connection dropped/.test(error.details);
  return new CallFailure(isBroken ? 'BROKEN' : status[error.code], error.details);
}

function incomingOf({ ackId, message }: pubsub.ReceivedMessage): Incoming {
  return {
    ackId,
    messageId: message?.messageId ?? '',
    data: Buffer.from(message?.data ?? []),
    attributes: message?.attributes ?? {},
    orderingKey: message?.orderingKey ?? '',
  };
}
