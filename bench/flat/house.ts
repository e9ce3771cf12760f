import { readFileSync } from 'node:fs';
import type { JobResult } from '../jobs/job.ts';
import { load } from '../load.ts';
import { call } from '../scenarios/resources.ts';
import type { SealpostServer } from '../servers/sealpost.ts';

/** How long and how large the measurements of a run are. */
export interface Extent {
  readonly seconds: number;
  readonly drainCount: number;
  readonly isSmoke: boolean;
}

const project = 'projects/bench';

/** A server with topics and subscriptions in it, and what is measured on it. */
export class House {
  readonly server: SealpostServer;
  readonly #extent: Extent;
  #nameCount = 0;

  constructor(server: SealpostServer, extent: Extent) {
    this.server = server;
    this.#extent = extent;
  }

  /** Names of new topics, `subscriptionCount` subscriptions each. */
  async topics(count: number, subscriptionCount = 0, settings: object = {}): Promise<string[]> {
    const names: string[] = [];
    for (let n = 0; n < count; n++) {
      const id = `flat-${String(++this.#nameCount)}`;
      const topic = `${project}/topics/${id}`;
      names.push(topic);
      await call(this.server.address, 'PUT', topic, {});
      await this.subscribe(topic, subscriptionCount, settings);
    }
    return names;
  }

  async subscribe(topic: string, count: number, settings: object = {}): Promise<void> {
    const id = topic.slice(topic.lastIndexOf('/') + 1);
    for (let n = 0; n < count; n++) {
      const name = `${project}/subscriptions/${id}-${String(n)}`;
      await call(this.server.address, 'PUT', name, { topic, ackDeadlineSeconds: 60, ...settings });
    }
  }

  /** Single messages, 64 requests in flight, over the topics in turns. */
  async publish(
    topics: readonly string[],
    more: { hasOrderingKeys?: boolean; hasAttribute?: boolean } = {},
  ): Promise<JobResult> {
    return await this.#checked({ topics, messagesPerRequest: 1, messageBytes: 1024, ...more });
  }

  async publishBatches(
    topic: string,
    messageBytes: number,
    perRequest: number,
  ): Promise<JobResult> {
    return await this.#checked({
      topics: [topic],
      messagesPerRequest: perRequest,
      messageBytes,
      inFlight: 8,
    });
  }

  async #checked(shape: {
    topics: readonly string[];
    messagesPerRequest: number;
    messageBytes: number;
    inFlight?: number;
  }): Promise<JobResult> {
    const { seconds } = this.#extent;
    const { address } = this.server;
    const timing = { inFlight: 64, warmupSeconds: seconds / 5, seconds };
    const job = { address, connections: 1, isEcho: false, ...timing, ...shape };
    return checked(await load({ kind: 'publish', ...job }, seconds * 4 + 120));
  }

  /** Fills exactly `count` messages in large requests. */
  async fill(topics: readonly string[], count: number, messageBytes: number): Promise<void> {
    const perRequest = Math.min(1000, Math.max(1, Math.floor(4_000_000 / messageBytes)), count);
    const job = {
      kind: 'publish' as const,
      address: this.server.address,
      topics,
      messagesPerRequest: perRequest,
      messageBytes,
      connections: 1,
      isEcho: false,
      inFlight: 8,
      warmupSeconds: 0,
      seconds: 3600,
      requestsMax: Math.ceil(count / perRequest),
    };
    checked(await load(job, 3600));
  }

  /** Empties the topic's first subscription through one stream. */
  async drain(
    topic: string,
    more: {
      readonly count?: number;
      readonly messageBytes?: number;
      readonly acks?: 'stream' | 'unary';
      readonly isFilled?: boolean;
      readonly orderingKeyCount?: number;
      readonly hasAttribute?: boolean;
      readonly secondsMax?: number;
    } = {},
  ): Promise<JobResult> {
    const { count = this.#extent.drainCount, messageBytes = 1024, secondsMax = 30 } = more;
    const id = topic.slice(topic.lastIndexOf('/') + 1);
    const job = {
      kind: 'drain' as const,
      address: this.server.address,
      topic,
      subscription: `${project}/subscriptions/${id}-0`,
      messageCount: count,
      messageBytes,
      acks: more.acks ?? ('stream' as const),
      secondsMax,
      ...more,
    };
    return checked(await load(job, secondsMax + 300));
  }

  /** What the server holds in memory of its own, MiB: mapped pages of its files are the cache's. */
  memoryMiB(): number {
    const status = readFileSync(`/proc/${String(this.server.pid)}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  }
}

export function checked(result: JobResult): JobResult {
  if (result.failedCount === 0) return result;
  throw new Error(`${String(result.failedCount)} failed: ${result.failure ?? 'no reason given'}`);
}
