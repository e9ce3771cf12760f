import { failpointNames, type FailpointName } from '../../src/runtime/index.ts';
import type { Chance } from '../support/chance.ts';

/** How one life is to end. */
export interface KillPlan {
  /** Where the victim kills itself; null: the harness kills it, at a random moment. */
  readonly failpoint: FailpointName | null;
  readonly hit: number;
  /** During the start and its recovery, or under load. */
  readonly when: 'start' | 'load';
  /** Of a kill from outside: milliseconds after the start of the process or of the load. */
  readonly afterMs: number;
}

/** The highest hit at which to kill, by how often a life comes to the failpoint. */
const hitsMax: Readonly<Record<(typeof failpointNames)[number], number>> = {
  beforeCommit: 80,
  afterCommit: 80,
  beforeDekWrap: 3,
  afterDekWrap: 3,
  afterDekStored: 3,
  beforeTrim: 12,
  afterTrim: 12,
  beforeKeyCompactionRename: 2,
  afterKeyCompactionRename: 2,
};

/** A start commits a few times for each topic and subscription that it takes over. */
const startHitsMax = 8;

/** One kill at each failpoint, and the random ones, in an order of the seed's. */
export function roundOfKills(chance: Chance): KillPlan[] {
  const load = { when: 'load', afterMs: 0 } as const;
  const named = failpointNames.map((failpoint): KillPlan => ({
    ...load,
    failpoint,
    hit: 1 + chance.below(hitsMax[failpoint]),
  }));
  const starting = (['beforeCommit', 'afterCommit'] as const).map((failpoint): KillPlan => ({
    failpoint,
    hit: 1 + chance.below(startHitsMax),
    when: 'start',
    afterMs: 0,
  }));
  const random = Array.from({ length: 2 }, (): KillPlan => {
    return { ...load, failpoint: null, hit: 0, afterMs: chance.below(500) };
  });
  return chance.shuffled([...named, chance.pick(starting), ...random, randomStart(chance)]);
}

function randomStart(chance: Chance): KillPlan {
  return { failpoint: null, hit: 0, when: 'start', afterMs: 100 + chance.below(500) };
}

export function describePlan({ failpoint, hit, when, afterMs }: KillPlan): string {
  if (failpoint !== null) return `${failpoint} hit ${hit} during ${when}`;
  return `random, ${afterMs} ms into ${when}`;
}
