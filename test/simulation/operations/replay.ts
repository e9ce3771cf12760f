import { RpcError } from '../../../src/rpc/index.ts';
import type { World } from '../driver/world.ts';
import { subscriptionName } from '../../support/broker-harness.ts';
import { ModelSnapshot, SeekToSnapshot, SeekToTime, type SeekGoal } from '../model/seek.ts';
import { seekCalled, seekRefused, seekUnanswered, sought } from '../model/seek.ts';
import type { ModelSubscription } from '../model/subscription.ts';
import { collector } from './resources.ts';

const nameOf = (number: number): string =>
  subscriptionName('').replace('subscriptions/', `snapshots/snapshot-${number}`);

/** A seek of the collector may acknowledge dead letters that it never got: then none is missed. */
const isSought = ({ name }: ModelSubscription): boolean => name !== collector;

export async function seekToTime(world: World): Promise<void> {
  const subscription = world.one(world.subscriptions.values());
  if (subscription === undefined || !isSought(subscription)) return;
  const backMs = world.one([0, 1_000, 30_000, 600_000, 86_400_000, -3_600_000_000])!;
  const some = world.one(subscription.entries.values());
  const isExact = some !== undefined && world.chance(2);
  const timeMs = isExact ? some.message.earliestMs : world.now.wallMs - backMs;
  world.say(`${subscription.name} to ${isExact ? some.message.text : `${backMs} ms ago`}`);
  const messages = [...subscription.entries.values()].map(({ message }) => message);
  const early = new Set(messages.filter(({ id }) => id !== undefined).map(({ text }) => text));
  await world.perform(seek(world, subscription, { timeMs }, new SeekToTime(timeMs, early)));
}

export async function seekToSnapshot(world: World): Promise<void> {
  const snapshot = world.one(world.snapshots.values());
  if (snapshot === undefined) return;
  const isOfTopic = (each: ModelSubscription): boolean => each.topic === snapshot.source.topic;
  const subscription = world.one([...world.subscriptions.values()].filter(isOfTopic));
  if (subscription === undefined || !isSought(subscription)) return;
  world.say(`${subscription.name} to ${snapshot.name}`);
  const target = { snapshot: snapshot.name };
  await world.perform(seek(world, subscription, target, new SeekToSnapshot(snapshot)));
}

async function seek(
  world: World,
  subscription: ModelSubscription,
  target: { timeMs: number } | { snapshot: string },
  goal: SeekGoal,
): Promise<void> {
  const { name } = subscription;
  const forecast = world.weather.forecast();
  seekCalled(subscription);
  world.ledger.excuse(name);
  try {
    await world.broker.seek(name, target);
    sought(subscription, goal, world.now);
    world.report.seeks++;
  } catch (error) {
    const isGone = 'snapshot' in target ? `gone ${target.snapshot}` : '';
    forecast.excuse(
      error,
      [`gone ${name}`, 'NOT_FOUND'],
      [isGone, 'NOT_FOUND'],
      [`detached ${name}`, 'FAILED_PRECONDITION'],
      ['draining', 'UNAVAILABLE'],
      [`revoked ${subscription.topic.name}`, 'FAILED_PRECONDITION'],
    );
    if (forecast.isOfStorage(error)) seekUnanswered(subscription);
    else seekRefused(subscription);
    world.report.refused++;
  } finally {
    forecast.over();
  }
}

export async function createSnapshot(world: World): Promise<void> {
  const source = world.one(world.subscriptions.values());
  if (source === undefined || world.snapshots.size >= 5) return;
  const name = nameOf(world.number());
  world.say(`${name} of ${source.name}`);
  await world.perform(snapshotOf(world, source, name));
}

async function snapshotOf(world: World, source: ModelSubscription, name: string): Promise<void> {
  const forecast = world.weather.forecast();
  const snapshot = new ModelSnapshot(name, source);
  const { generation } = source;
  const wasSought = source.seeking > 0;
  try {
    await world.broker.createSnapshot({ name, subscription: source.name, labels: {} });
    snapshot.made(wasSought || source.seeking > 0 || source.generation !== generation);
    world.snapshots.set(name, snapshot);
  } catch (error) {
    forecast.excuse(
      error,
      [`gone ${source.name}`, 'NOT_FOUND'],
      ['draining', 'UNAVAILABLE'],
      [`detached ${source.name}`, 'FAILED_PRECONDITION'],
      [`gone ${source.topic.name}`, 'FAILED_PRECONDITION'],
      [`gone ${source.topic.name}`, 'NOT_FOUND'],
    );
    world.report.refused++;
  } finally {
    forecast.over();
  }
}

export async function deleteSnapshot(world: World): Promise<void> {
  const snapshot = world.one(world.snapshots.values());
  if (snapshot === undefined) return;
  world.say(snapshot.name);
  world.snapshots.delete(snapshot.name);
  world.weather.begin(`gone ${snapshot.name}`);
  const forecast = world.weather.forecast();
  const deleted = world.broker.deleteSnapshot(snapshot.name).catch((error: unknown) => {
    forecast.excuse(error, ['draining', 'UNAVAILABLE']);
    // Half done: it is there, or it is not.
    if (RpcError.from(error).code === 'NOT_FOUND') throw error;
  });
  await world.perform(deleted.finally(() => forecast.over()));
}
