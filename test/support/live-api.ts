import { afterAll } from 'vitest';

import { GrpcWire } from './grpc-wire.ts';
import type { Rpc } from './rpc-bindings.ts';
import type { TestedServer } from './tested-server.ts';
import { WebSocketWire } from './web-socket-wire.ts';
import { CallRefusal, refusalOf, RestWire, type Json, type Wire, type WireName } from './wire.ts';

/** A message as a pull gives it. */
export interface Pulled {
  readonly ackId: string;
  readonly message: {
    readonly data?: string;
    readonly attributes?: Readonly<Record<string, string>>;
    readonly messageId: string;
    readonly publishTime: string;
    readonly orderingKey?: string;
  };
  readonly deliveryAttempt?: number;
}

let serial = 0;

/** A resource id that no other test of this process has. */
export function freshId(stem: string): string {
  return `${stem}-${String(++serial)}`;
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');
export const textOf = ({ message }: Pulled): string =>
  Buffer.from(message.data ?? '', 'base64').toString();

/** Pub/Sub over one wire, for the cases that run over both. */
export class LiveApi {
  readonly wire: Wire;
  readonly project: string;

  constructor(wire: Wire, project: string) {
    this.wire = wire;
    this.project = project;
  }

  call<Reply = Json>(rpc: Rpc, request: Json): Promise<Reply> {
    return this.wire.call<Reply>(rpc, request);
  }

  refusal(rpc: Rpc, request: Json): Promise<{ readonly code: string; readonly message: string }> {
    return refusalOf(this.call(rpc, request));
  }

  /** The same with the details that came with it. */
  async detailed(
    rpc: Rpc,
    request: Json,
  ): Promise<{
    readonly code: string;
    readonly message: string;
    readonly details: readonly Json[];
  }> {
    const thrown: unknown = await this.call(rpc, request).catch((error: unknown) => error);
    if (!(thrown instanceof CallRefusal)) throw new Error(`${rpc} was not refused`);
    const { code, message, details } = thrown;
    const shown = details.map(({ '@type': _type, ...detail }) => detail);
    return { code, message, details: shown };
  }

  /** Asks again until it is refused: what a clock brings about comes a turn later. */
  async untilRefused(
    rpc: Rpc,
    request: Json,
  ): Promise<{ readonly code: string; readonly message: string }> {
    for (;;) {
      const answer = this.call(rpc, request);
      const isRefused = await answer.then(
        () => false,
        () => true,
      );
      if (isRefused) return await refusalOf(answer);
    }
  }

  topicName(id: string): string {
    return `${this.project}/topics/${id}`;
  }

  subscriptionName(id: string): string {
    return `${this.project}/subscriptions/${id}`;
  }

  snapshotName(id: string): string {
    return `${this.project}/snapshots/${id}`;
  }

  schemaName(id: string): string {
    return `${this.project}/schemas/${id}`;
  }

  /** A new schema with that definition; its name. */
  async schema(definition: string, type: string = 'AVRO'): Promise<string> {
    const schemaId = freshId('schema');
    await this.call('CreateSchema', {
      parent: this.project,
      schemaId,
      schema: { type, definition },
    });
    return this.schemaName(schemaId);
  }

  /** A new topic; its name. */
  async topic(more: Json = {}): Promise<string> {
    const name = this.topicName(freshId('topic'));
    await this.call('CreateTopic', { name, ...more });
    return name;
  }

  /** A new subscription to it; its name. */
  async subscription(topic: string, more: Json = {}): Promise<string> {
    const name = this.subscriptionName(freshId('subscription'));
    await this.call('CreateSubscription', { name, topic, ...more });
    return name;
  }

  /** A new snapshot of it; its name. */
  async snapshot(subscription: string, more: Json = {}): Promise<string> {
    const name = this.snapshotName(freshId('snapshot'));
    await this.call('CreateSnapshot', { name, subscription, ...more });
    return name;
  }

  /** Publishes texts in one request; their ids. */
  async publish(topic: string, ...texts: readonly string[]): Promise<string[]> {
    const messages = texts.map((text) => ({ data: base64(text) }));
    const { messageIds } = await this.call<{ messageIds: string[] }>('Publish', {
      topic,
      messages,
    });
    return messageIds;
  }

  /** One Pull that does not wait. */
  async pullOnce(subscription: string, maxMessages: number = 1000): Promise<Pulled[]> {
    const request = { subscription, maxMessages, returnImmediately: true };
    const { receivedMessages } = await this.call<{ receivedMessages?: Pulled[] }>('Pull', request);
    return receivedMessages ?? [];
  }

  /** Pulls until so many have come: one Pull may bring fewer than there are. */
  async pull(subscription: string, count: number): Promise<Pulled[]> {
    const pulled: Pulled[] = [];
    while (pulled.length < count) {
      const request = { subscription, maxMessages: count - pulled.length };
      const { receivedMessages } = await this.call<{ receivedMessages?: Pulled[] }>(
        'Pull',
        request,
      );
      pulled.push(...(receivedMessages ?? []));
    }
    return pulled;
  }

  async acknowledge(subscription: string, pulled: readonly Pulled[]): Promise<void> {
    const ackIds = pulled.map(({ ackId }) => ackId);
    await this.call('Acknowledge', { subscription, ackIds });
  }
}

/** The API of a server over a wire, in a project of its own; closed with the calling file. */
export function liveApi(server: TestedServer, wire: WireName, project: string = 'live'): LiveApi {
  const name = `projects/${project}-${wire.toLowerCase()}${server.projectSuffix}`;
  return new LiveApi(liveWire(server, wire), name);
}

function liveWire(server: TestedServer, name: WireName): Wire {
  if (name === 'gRPC') return liveGrpc(server);
  if (name === 'REST') return new RestWire(() => server.url);
  const wire = new WebSocketWire(server);
  afterAll(() => wire.close());
  return wire;
}

/** gRPC with its streams. */
export function liveGrpc(server: TestedServer): GrpcWire {
  const wire = new GrpcWire(() => server.address);
  afterAll(() => wire.close());
  return wire;
}
