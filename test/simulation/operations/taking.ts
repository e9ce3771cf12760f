import type { Delivery, PullStream, StreamSink } from '../../../src/broker/index.ts';
import { assert } from '../../../src/runtime/index.ts';
import type { ListenerSink, World } from '../driver/world.ts';
import type { Taker } from '../model/message.ts';
import type { ModelSubscription } from '../model/subscription.ts';

const refusals = ({ name, topic }: ModelSubscription): (readonly [string, string])[] => [
  [`revoked ${topic.name}`, 'FAILED_PRECONDITION'],
  [`gone ${name}`, 'NOT_FOUND'],
  [`detached ${name}`, 'FAILED_PRECONDITION'],
  [`pushed ${name}`, 'FAILED_PRECONDITION'],
  ['draining', 'UNAVAILABLE'],
];

/** A Pull that wants what is there now, or one that waits. */
export async function pull(world: World): Promise<void> {
  const subscription = world.one(world.subscriptions.values());
  if (subscription === undefined) return;
  const messagesMax = 1 + world.dice.below(20);
  const isPatient = world.chance(6);
  world.say(`${subscription.name}, ${messagesMax} at most${isPatient ? ', waits' : ''}`);
  const pulling = pullOnce(world, subscription, messagesMax, !isPatient);
  if (isPatient) world.beside(pulling);
  else await world.perform(pulling);
}

async function pullOnce(
  world: World,
  subscription: ModelSubscription,
  messagesMax: number,
  returnImmediately: boolean,
): Promise<void> {
  const { ackDeadlineMs } = subscription.terms;
  const taker: Taker = {
    kind: 'pull',
    clientId: '',
    ackDeadlineMs,
    outstandingMax: messagesMax,
    isOpen: true,
  };
  const forecast = world.weather.forecast();
  const request = { messagesMax, returnImmediately, signal: new AbortController().signal };
  const take = (batch: readonly Delivery[]): void => world.took(subscription, taker, batch);
  try {
    await world.broker.pull(subscription.name, request, take);
  } catch (error) {
    forecast.excuse(error, ...refusals(subscription));
    world.report.refused++;
  } finally {
    forecast.over();
  }
}

export async function openStream(world: World): Promise<void> {
  const subscription = world.one(world.subscriptions.values());
  if (subscription === undefined || world.listeners.length >= 6) return;
  const taker: Taker = {
    kind: 'stream',
    clientId: world.one(['', 'anna', 'bert'])!,
    ackDeadlineMs: world.one([10_000, 30_000])!,
    outstandingMax: world.one([Infinity, 1, 3, 10])!,
    isOpen: true,
  };
  const outstandingBytesMax = world.one([0, 0, 1, 5_000])!;
  world.say(`${subscription.name} for '${taker.clientId}', ${taker.outstandingMax} at most`);
  await world.perform(listen(world, subscription, taker, outstandingBytesMax));
}

export async function listen(
  world: World,
  subscription: ModelSubscription,
  taker: Taker,
  outstandingBytesMax: number,
): Promise<void> {
  const forecast = world.weather.forecast();
  const sink: ListenerSink & StreamSink = {
    isReady: true,
    failure: null,
    deliver: (batch) => {
      if (sink.failure !== null || !taker.isOpen) {
        world.violated(new Error(`${subscription.name}: a stream got messages after its end`));
      }
      world.took(subscription, taker, batch);
      return sink.isReady;
    },
    fail: (error) => {
      sink.failure = error;
      taker.isOpen = false;
      world.listeners = world.listeners.filter((each) => each.sink !== sink);
      try {
        forecast.excuse(error, ...refusals(subscription));
      } catch (unexplained) {
        world.violated(unexplained);
      }
      forecast.over();
    },
  };
  const settings = {
    ackDeadlineSeconds: taker.ackDeadlineMs / 1_000,
    outstandingMessagesMax: taker.outstandingMax === Infinity ? 0 : taker.outstandingMax,
    outstandingBytesMax,
    clientId: taker.clientId,
  };
  try {
    const stream: PullStream = await world.broker.openStream(subscription.name, settings, sink);
    if (sink.failure === null) world.listeners.push({ taker, subscription, sink, stream });
  } catch (error) {
    forecast.over();
    taker.isOpen = false;
    forecast.excuse(error, ...refusals(subscription));
    world.report.refused++;
  }
}

export async function closeStream(world: World): Promise<void> {
  const listener = world.one(world.listeners);
  if (listener === undefined) return;
  world.say(listener.subscription.name);
  listener.taker.isOpen = false;
  listener.stream.close();
  world.listeners = world.listeners.filter((each) => each !== listener);
}

export async function pauseOrResume(world: World): Promise<void> {
  const listener = world.one(world.listeners);
  if (listener === undefined) return;
  const { sink, stream, subscription } = listener;
  sink.isReady = !sink.isReady;
  world.say(`${subscription.name} ${sink.isReady ? 'goes on' : 'pauses'}`);
  if (sink.isReady) stream.resume();
}

/** What is done to a subscription for good ends its streams, with these words. */
export function assertEnded(world: World, subscription: ModelSubscription, code: string): void {
  const open = world.listeners.filter((each) => each.subscription === subscription);
  assert(open.length === 0, `${subscription.name}: its streams end with ${code}`);
}
