import { assert } from '../../src/runtime/index.ts';
import type { Canary } from './driver/canary.ts';
import { World, type RunReport } from './driver/world.ts';
import type { Taker } from './model/message.ts';
import { ModelSubscription } from './model/subscription.ts';
import { plainTerms } from './model/terms.ts';
import { ModelTopic } from './model/topic.ts';
import { collector, graveyard, makeSubscription, makeTopic } from './operations/resources.ts';
import { acknowledgeNow } from './operations/settling.ts';
import { diskRepaired, restart } from './operations/surroundings.ts';
import { listen } from './operations/taking.ts';
import { perform, type Step } from './program.ts';

export interface RunOptions {
  readonly seed: number;
  readonly program: readonly Step[];
  readonly canary?: Canary;
  /** Called after each step with what was done. */
  readonly onStep?: (index: number, step: Step, story: string) => void;
}

/** The first difference from the model, and where it was seen. */
export class SimulationError extends Error {
  readonly stepIndex: number;

  constructor(message: string, stepIndex: number, cause: unknown) {
    super(message, { cause });
    this.stepIndex = stepIndex;
  }
}

/** Runs a program against a broker of its own. Throws SimulationError at the first difference. */
export async function run(options: RunOptions): Promise<RunReport> {
  const { seed, program, canary } = options;
  const world = await World.open(seed, canary);
  await bury(world);
  let at = 0;
  const tell = (): void =>
    options.onStep?.(at, program[at] ?? { action: 'the end', seed: 0 }, world.story);
  try {
    for (; at < program.length; at++) {
      await perform(program[at]!, world);
      await world.harness.clock.settle();
      await world.check();
      tell();
    }
    world.story = '';
    await finish(world);
  } catch (cause) {
    tell();
    const where = at < program.length ? `step ${at} (${program[at]!.action})` : 'the end';
    throw new SimulationError(`seed ${seed}, ${where}: ${String(cause)}`, at, cause);
  }
  return { ...world.report, filtered: world.events.filteredCount };
}

/** A topic for dead letters, and a subscription that loses none of them. */
async function bury(world: World): Promise<void> {
  if (world.chance(4)) return;
  const topic = new ModelTopic(graveyard, undefined, undefined);
  await makeTopic(world, topic);
  const terms = { ...plainTerms, retentionMs: 31 * 86_400_000 };
  await makeSubscription(world, new ModelSubscription(collector, topic, terms));
}

/** Everything that is owed comes, once keys, disks and time allow it, and then never again. */
async function finish(world: World): Promise<void> {
  await calm(world);
  if (world.dice.below(2) === 0) {
    world.say('crash');
    await restart(world);
  }
  world.endpoint.isWilling = true;
  for (let round = 0; round < 60 && !(await isDone(world)); round++) {
    world.say(`round ${round}`);
    await takeEverything(world);
    await world.check();
  }
  for (const model of world.subscriptions.values()) {
    const lost = model.owed(world.now);
    assert(lost.length === 0, `${model.name} never got ${lost.join(', ')}`);
  }
  assert(await isEmpty(world), 'something is never delivered');
  assertBuried(world);
  // What a sweep took away is written soon, not at once.
  await world.harness.clock.advance(1_500);
  world.say('crash');
  await restart(world);
  for (const model of world.subscriptions.values()) await assertQuiet(world, model);
  await closeAll(world);
  await world.harness.close();
  const { pendingCount } = world.harness.clock;
  assert(pendingCount === 0, `${pendingCount} timers remain that nobody cancelled`);
  await world.check();
}

/** No trouble from here on. */
async function calm(world: World): Promise<void> {
  world.weather.begin('storage');
  await diskRepaired(world);
  if (world.keys.isAway) {
    world.keys.isAway = false;
    await world.harness.clock.advance(30_000);
    world.weather.end('keys');
  }
  for (const { topic } of world.subscriptions.values()) {
    if (!topic.isRevoked) continue;
    world.weather.begin(`restored ${topic.name}`);
    topic.isRevoked = false;
    await world.harness.setKeyEnabled(topic.keyVersion!, true);
    world.weather.end(`revoked ${topic.name}`);
  }
  await closeAll(world);
  await world.join();
}

async function closeAll(world: World): Promise<void> {
  for (const { taker, stream } of world.listeners) {
    taker.isOpen = false;
    stream.close();
  }
  world.listeners = [];
}

async function isDone(world: World): Promise<boolean> {
  const isServed = [...world.subscriptions.values()].every(
    (each) => each.owed(world.now).length === 0,
  );
  return isServed && (await isEmpty(world));
}

async function isEmpty(world: World): Promise<boolean> {
  const reports = await world.harness.until(world.operated.backlogs());
  return reports.every(({ unackedCount }) => unackedCount === 0);
}

/** Each subscription is read and acknowledged until nothing more comes, and time goes on. */
async function takeEverything(world: World): Promise<void> {
  const takers: Taker[] = [];
  for (const model of world.subscriptions.values()) {
    if (model.terms.isPushed || model.isDetached) continue;
    const taker: Taker = {
      kind: 'stream',
      clientId: 'last',
      ackDeadlineMs: 60_000,
      outstandingMax: Infinity,
      isOpen: true,
    };
    takers.push(taker);
    await world.harness.until(listen(world, model, taker, 0));
  }
  for (let quiet = 0; quiet < 2; quiet++) {
    await world.harness.clock.settle(20);
    if (await acknowledgeHeld(world)) quiet = 0;
  }
  await closeAll(world);
  await world.harness.clock.advance(15_000);
  await acknowledgeHeld(world);
}

async function acknowledgeHeld(world: World): Promise<boolean> {
  const held = world.held.splice(0);
  for (const model of world.subscriptions.values()) {
    const some = held.filter(({ subscription }) => subscription === model).slice(-2_000);
    if (some.length > 0) await world.harness.until(acknowledgeNow(world, model, some));
  }
  return held.length > 0;
}

function assertBuried(world: World): void {
  if (!world.subscriptions.has(collector)) return;
  const missing = world.ledger.missing();
  assert(missing.length === 0, `dead letters that never arrived: ${missing.join(', ')}`);
  world.report.deadLetters = world.ledger.count;
}

/** What was acknowledged does not come again after a restart. */
async function assertQuiet(world: World, model: ModelSubscription): Promise<void> {
  if (model.terms.isPushed || model.isDetached) return;
  const again = await world.harness.pull(model.name);
  const texts = again.map(({ text }) => text.slice(0, 20)).join(', ');
  assert(again.length === 0, `${model.name} gets acknowledged messages after a restart: ${texts}`);
}
