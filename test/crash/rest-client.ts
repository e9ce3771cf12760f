import { Agent, request } from 'node:http';
import { CallFailure, type Incoming, type Outgoing, type PubsubClient } from './pubsub-client.ts';

interface JsonMessage {
  readonly data?: string;
  readonly attributes?: Record<string, string>;
  readonly messageId: string;
  readonly orderingKey?: string;
}

interface PullReply {
  readonly receivedMessages?: readonly { readonly ackId: string; readonly message: JsonMessage }[];
}

/** Raw REST over connections that are kept alive. */
export class RestClient implements PubsubClient {
  readonly protocol = 'rest' as const;
  readonly #url: string;
  readonly #agent: Agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(url: string) {
    this.#url = url;
  }

  async createTopic(name: string, kmsKeyName?: string): Promise<void> {
    await this.call('PUT', `/v1/${name}`, kmsKeyName === undefined ? {} : { kmsKeyName });
  }

  async deleteTopic(name: string): Promise<void> {
    await this.call('DELETE', `/v1/${name}`);
  }

  async listTopics(project: string): Promise<string[]> {
    const reply = await this.call<{ topics?: { name: string }[] }>(
      'GET',
      `/v1/${project}/topics?pageSize=1000`,
    );
    return (reply.topics ?? []).map(({ name }) => name);
  }

  async createSubscription(name: string, topic: string, ackDeadlineSeconds = 600): Promise<void> {
    await this.call('PUT', `/v1/${name}`, { topic, ackDeadlineSeconds });
  }

  async deleteSubscription(name: string): Promise<void> {
    await this.call('DELETE', `/v1/${name}`);
  }

  async listSubscriptions(project: string): Promise<string[]> {
    const reply = await this.call<{ subscriptions?: { name: string }[] }>(
      'GET',
      `/v1/${project}/subscriptions?pageSize=1000`,
    );
    return (reply.subscriptions ?? []).map(({ name }) => name);
  }

  async createSnapshot(name: string, subscription: string): Promise<void> {
    await this.call('PUT', `/v1/${name}`, { subscription });
  }

  async deleteSnapshot(name: string): Promise<void> {
    await this.call('DELETE', `/v1/${name}`);
  }

  async listSnapshots(project: string): Promise<string[]> {
    const reply = await this.call<{ snapshots?: { name: string }[] }>(
      'GET',
      `/v1/${project}/snapshots?pageSize=1000`,
    );
    return (reply.snapshots ?? []).map(({ name }) => name);
  }

  async seek(subscription: string, snapshot: string): Promise<void> {
    await this.call('POST', `/v1/${subscription}:seek`, { snapshot });
  }

  async publish(topic: string, messages: readonly Outgoing[]): Promise<string[]> {
    const sent = messages.map(({ data, attributes, orderingKey }) => ({
      data: data.toString('base64'),
      attributes,
      ...(orderingKey === undefined ? {} : { orderingKey }),
    }));
    const reply = await this.call<{ messageIds: string[] }>('POST', `/v1/${topic}:publish`, {
      messages: sent,
    });
    return reply.messageIds;
  }

  async pull(subscription: string, messagesMax: number): Promise<Incoming[]> {
    const ask = { maxMessages: messagesMax, returnImmediately: true };
    const reply = await this.call<PullReply>('POST', `/v1/${subscription}:pull`, ask);
    return (reply.receivedMessages ?? []).map(({ ackId, message }) => ({
      ackId,
      messageId: message.messageId,
      data: Buffer.from(message.data ?? '', 'base64'),
      attributes: message.attributes ?? {},
      orderingKey: message.orderingKey ?? '',
    }));
  }

  async acknowledge(subscription: string, ackIds: readonly string[]): Promise<void> {
    await this.call('POST', `/v1/${subscription}:acknowledge`, { ackIds });
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Any method of the API. Throws CallFailure for everything but a complete 200. */
  call<Reply = unknown>(method: string, path: string, body?: unknown): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      const broken = (error: Error): void => reject(new CallFailure('BROKEN', error.message));
      const sent = request(`${this.#url}${path}`, { method, agent: this.#agent }, (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.once('error', broken);
        reply.once('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (reply.statusCode === 200) resolve(JSON.parse(text) as Reply);
          else reject(refusalOf(reply.statusCode ?? 0, text));
        });
      });
      sent.once('error', broken);
      sent.setHeader('content-type', 'application/json');
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function refusalOf(httpStatus: number, text: string): CallFailure {
  try {
    const { error } = JSON.parse(text) as { error: { status: string; message: string } };
    return new CallFailure(error.status, error.message);
  } catch {
    return new CallFailure(`HTTP_${httpStatus}`, text);
  }
}
