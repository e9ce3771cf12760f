import { SeededEntropy } from '../support/seeded-entropy.ts';
import type { World } from './driver/world.ts';
import { publish } from './operations/publishing.ts';
import { createSnapshot, deleteSnapshot, seekToSnapshot, seekToTime } from './operations/replay.ts';
import { createSubscription, deleteSubscription } from './operations/resources.ts';
import { createTopic, deleteTopic, detachSubscription } from './operations/resources.ts';
import { updateSubscription, updateTopic } from './operations/resources.ts';
import { acknowledge, modifyDeadline, streamAcknowledge } from './operations/settling.ts';
import { advance, crash, diskRepaired, diskTrouble, drain } from './operations/surroundings.ts';
import { keysAway, sweep, switchKey } from './operations/surroundings.ts';
import { closeStream, openStream, pauseOrResume, pull } from './operations/taking.ts';

/**
 * One thing that is done. Its seed decides on everything else: on what it is done, and how. So a
 * program without some of its steps is a program too.
 */
export interface Step {
  readonly action: string;
  readonly seed: number;
}

type Action = (world: World) => Promise<void>;

/** How often each is done, out of their sum. */
const actions: readonly (readonly [weight: number, name: string, action: Action])[] = [
  [4, 'create topic', createTopic],
  [1, 'delete topic', deleteTopic],
  [1, 'update topic', updateTopic],
  [7, 'create subscription', createSubscription],
  [1, 'delete subscription', deleteSubscription],
  [1, 'detach subscription', detachSubscription],
  [3, 'update subscription', updateSubscription],
  [20, 'publish', publish],
  [14, 'pull', pull],
  [6, 'open stream', openStream],
  [3, 'close stream', closeStream],
  [4, 'pause or resume', pauseOrResume],
  [14, 'acknowledge', acknowledge],
  [8, 'acknowledge on a stream', streamAcknowledge],
  [8, 'modify deadlines', modifyDeadline],
  [3, 'seek to a time', seekToTime],
  [2, 'seek to a snapshot', seekToSnapshot],
  [3, 'create snapshot', createSnapshot],
  [1, 'delete snapshot', deleteSnapshot],
  [12, 'advance', advance],
  [3, 'sweep', sweep],
  [4, 'disk trouble', diskTrouble],
  [4, 'disk repaired', diskRepaired],
  [3, 'crash', crash],
  [1, 'drain and start', drain],
  [2, 'disable a key', async (world) => await switchKey(world, false)],
  [4, 'enable a key', async (world) => await switchKey(world, true)],
  [1, 'key service', keysAway],
];

const weightSum = actions.reduce((sum, [weight]) => sum + weight, 0);

/** The same for the same seed, for ever: unless the table above changes. */
export function programOf(seed: number, length: number): Step[] {
  const dice = new SeededEntropy(seed);
  return Array.from({ length }, () => ({ action: drawn(dice), seed: dice.below(2 ** 32) }));
}

function drawn(dice: SeededEntropy): string {
  let ticket = dice.below(weightSum);
  for (const [weight, name] of actions) {
    if (ticket < weight) return name;
    ticket -= weight;
  }
  throw new Error('unreachable: the weights add up');
}

export async function perform(step: Step, world: World): Promise<void> {
  const [, , action] = actions.find(([, name]) => name === step.action)!;
  world.dice = new SeededEntropy(step.seed);
  world.story = '';
  await action(world);
}
