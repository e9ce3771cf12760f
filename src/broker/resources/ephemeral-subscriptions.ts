import { RpcError } from '../../rpc/index.ts';
import { draw } from '../../runtime/index.ts';
import type { SubscriptionRow } from '../catalog/catalog-rows.ts';
import type { Registry } from '../registry.ts';
import type { Subscription } from '../service.ts';

/** pubsub.v1's default: what a reader that stalls keeps on the disk, at most. */
const messageRetentionMs = 7 * 24 * 3_600_000;
const nameBytes = 16;
const idBytes = 6;

/**
 * Subscriptions that somebody listens to for a while: their state is in memory alone, nothing is
 * stored and a crash leaves nothing.
 */
export class EphemeralSubscriptions {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** It gets the messages that become durable from now on. */
  create(topicName: string, ackDeadlineSeconds: number): Subscription {
    this.#registry.refuseWhenDraining();
    const { ephemerals, ephemeralMax, ports } = this.#registry;
    const topic = this.#registry.topic(topicName);
    if (ephemerals.size >= ephemeralMax) throw tooMany(ephemeralMax);
    const random = Buffer.from(draw(ports.entropy, nameBytes + idBytes));
    const project = topicName.slice(0, topicName.indexOf('/topics/'));
    const shown = {
      name: `${project}/subscriptions/goog-ephemeral-${random.toString('hex', 0, nameBytes)}`,
      labels: {},
      ackDeadlineSeconds,
      retainAckedMessages: false,
      messageRetentionMs,
    };
    const row: SubscriptionRow = {
      ...shown,
      id: idOf(random.subarray(nameBytes)),
      log: 0,
      topicUid: topic.row.uid,
      start: topic.lane.tail,
    };
    this.#registry.addEphemeral(row, topic);
    return { ...shown, topic: topicName };
  }

  async delete(name: string): Promise<void> {
    const subscription = this.#registry.ephemerals.get(name);
    if (subscription !== undefined) await this.#registry.removeEphemeral(subscription);
  }
}

/** Random, so that no ack id of an earlier process fits; stored ones count up from 1. */
function idOf(random: Buffer): number {
  random[0]! |= 0x80;
  return random.readUIntBE(0, idBytes);
}

const tooMany = (max: number): RpcError =>
  new RpcError(
    'RESOURCE_EXHAUSTED',
    'EPHEMERAL_SUBSCRIPTIONS_EXHAUSTED',
    `There are ${max} ephemeral subscriptions, and no more may be created until some have ended.`,
  );
