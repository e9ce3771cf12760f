import { assert } from '../../../src/runtime/index.ts';
import type { MemoryFault } from '../../../src/storage/index.ts';
import type { World } from '../driver/world.ts';
import { publishSome } from './publishing.ts';
import { exists } from './resources.ts';
import { perhaps } from '../model/seek.ts';
import { acknowledge, streamAcknowledge } from './settling.ts';
import { seekToTime } from './replay.ts';

const faults: readonly MemoryFault[] = [
  'conflict',
  'unknown-landed',
  'unknown-lost',
  'full',
  'io',
  'readOnly',
];

/** The disk breaks its next commits, whoever asks for them. */
export async function diskTrouble(world: World): Promise<void> {
  const planned = Array.from({ length: 1 + world.dice.below(3) }, () => world.one(faults)!);
  world.say(planned.join(', '));
  world.weather.begin('storage');
  world.ledger.trouble();
  world.harness.faults.next(...planned);
}

export async function diskRepaired(world: World): Promise<void> {
  if (!world.weather.has('storage')) return;
  await world.join();
  world.harness.dropFaults();
  // What could not be written is written again within a second, and may fail with what is left.
  await world.harness.clock.advance(1_500);
  await world.join();
  world.weather.end('storage');
}

const advancesMs = [1, 40, 100, 1_000, 5_000, 11_000, 30_000, 120_000, 480_000];

export async function advance(world: World): Promise<void> {
  const byMs = world.one(advancesMs)!;
  world.say(`${byMs} ms`);
  await world.harness.clock.advance(byMs);
}

/** What is older than its retention is gone after it, once that is durable. */
export async function sweep(world: World): Promise<void> {
  await diskRepaired(world);
  const { wallMs } = world.now;
  await world.harness.until(world.operated.sweep());
  await world.harness.clock.advance(1_500);
  for (const model of world.subscriptions.values()) model.swept(wallMs);
}

/** While the key service is away nobody learns of a change, and cached keys live on. */
export async function switchKey(world: World, isEnabled: boolean): Promise<void> {
  if (world.keys.isAway) return;
  const models = [...world.subscriptions.values()].map(({ topic }) => topic);
  const topics = [...new Set([...world.topics.values(), ...models])];
  const isOther = ({ isRevoked }: { isRevoked: boolean }): boolean => isRevoked === isEnabled;
  const topic = world.one(topics.filter((each) => each.keyVersion !== undefined && isOther(each)));
  if (topic === undefined) return;
  world.say(topic.name);
  world.weather.begin(`${isEnabled ? 'restored' : 'revoked'} ${topic.name}`);
  world.ledger.trouble();
  if (isEnabled) topic.isRevoked = false;
  await world.harness.setKeyEnabled(topic.keyVersion!, isEnabled);
  topic.isRevoked = !isEnabled;
  if (isEnabled) {
    world.weather.end(`revoked ${topic.name}`);
    return;
  }
  world.weather.end(`restored ${topic.name}`);
  const open = world.listeners.filter(({ subscription }) => subscription.topic === topic);
  assert(open.length === 0, 'a revoked key ends the streams');
}

/** The key service goes away, or comes back. */
export async function keysAway(world: World): Promise<void> {
  world.keys.isAway = !world.keys.isAway;
  world.say(world.keys.isAway ? 'away' : 'back');
  world.ledger.trouble();
  if (world.keys.isAway) world.weather.begin('keys');
  else {
    // A refusal is remembered for a few seconds.
    await world.harness.clock.advance(30_000);
    await world.join();
    world.weather.end('keys');
  }
}

/** In the middle of publishes, acks and seeks, whose answers never come. */
export async function crash(world: World): Promise<void> {
  const topic = world.one(world.topics.values());
  if (topic !== undefined) void publishSome(world, topic);
  world.isDoomed = true;
  if (world.chance(2)) await streamAcknowledge(world);
  if (world.chance(3)) await acknowledge(world);
  if (world.chance(6)) await seekToTime(world);
  await world.harness.clock.settle(world.dice.below(5));
  world.isDoomed = false;
  await restart(world);
}

export async function restart(world: World): Promise<void> {
  for (const { taker } of world.listeners) taker.isOpen = false;
  world.listeners = [];
  world.inFlight.clear();
  world.weather.crash();
  world.endpoint.crash();
  world.disk.crash();
  world.ledger.trouble();
  for (const model of world.subscriptions.values()) {
    world.noteExhausted(model);
    model.crash(world.now);
    if (model.seeking > 0) {
      model.seeking = 0;
      model.generation += perhaps;
      model.blur();
    }
  }
  world.harness.dropFaults();
  world.weather.end('storage');
  const wasAway = world.keys.isAway;
  world.keys.isAway = false;
  await world.harness.restart();
  world.keys.isAway = wasAway;
  world.events.clear();
  world.report.restarts++;
  for (const name of world.snapshots.keys()) {
    if (!(await exists(world, name))) world.snapshots.delete(name);
  }
}

/** Ends in order, and starts again: what was answered or taken is there. */
export async function drain(world: World): Promise<void> {
  await diskRepaired(world);
  world.weather.begin('draining');
  for (const listener of world.listeners) listener.taker.isOpen = false;
  await world.harness.until(world.operated.drain(1_000));
  await world.join();
  world.harness.deks.close();
  world.weather.end('draining');
  await restart(world);
}
