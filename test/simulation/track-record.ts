import type { Step } from './program.ts';

/** A program that once showed a bug, as short as it could be made. */
export interface TrackRecord {
  readonly seed: number;
  readonly found: string;
  readonly program: readonly Step[];
}

const step = (action: string, seed: number): Step => ({ action, seed });

/**
 * What the simulation found. A step's seed decides on what it does: where the operations change, a
 * program here may come to do something else; the unit tests that README.md names remain.
 */
export const trackRecord: readonly TrackRecord[] = [
  {
    seed: 109,
    found:
      'exactly once, a lease that expired before the disk had it was told and counted as a failure',
    program: [
      step('publish', 4277384076),
      step('create subscription', 78438252),
      step('pull', 2680302358),
      step('advance', 2840637996),
      step('acknowledge', 3502539640),
      step('create subscription', 1575621031),
      step('publish', 2204870452),
      step('publish', 2630623619),
      step('seek to a time', 1389560648),
      step('create subscription', 169777958),
      step('update subscription', 2804055447),
      step('pull', 4223373050),
      step('publish', 1102728877),
      step('pull', 4017579860),
      step('open stream', 3125390699),
      step('publish', 4275620294),
      step('modify deadlines', 370360647),
      step('close stream', 2347635124),
      step('enable a key', 1720095634),
      step('modify deadlines', 977108924),
      step('open stream', 3616116018),
      step('disk repaired', 324490606),
      step('publish', 1199601856),
      step('create snapshot', 3178910802),
      step('pull', 3753836329),
      step('advance', 3399829113),
    ],
  },
  {
    seed: 31,
    found:
      'an ack id from between a seek that a crash undid and the next acknowledged what that gave back',
    program: [
      step('create snapshot', 4268360679),
      step('create subscription', 696160301),
      step('delete topic', 485296835),
      step('publish', 1258974850),
      step('disk trouble', 2391211821),
      step('seek to a snapshot', 1903603954),
      step('open stream', 4274999101),
      step('acknowledge on a stream', 3439340408),
      step('disk trouble', 1748793470),
      step('crash', 3984893895),
      step('seek to a snapshot', 3350703706),
      step('publish', 2125283487),
      step('acknowledge', 1908304973),
    ],
  },
];
