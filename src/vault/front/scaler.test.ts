import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { frontKey, FrontWorld, type RevisionShape } from '../../../test/support/front-world.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RpcError } from '../../rpc/index.ts';
import { revisionNameOf, type RevisionName } from '../services/service.ts';
import { InstanceSlot } from './instance-slot.ts';
import { Scaler } from './scaler.ts';
import type { Refusal } from './waiting-line.ts';

/** A request that asks for a place, keeps it until it is done, and knows what it was told. */
class Visit {
  readonly abort: AbortController = new AbortController();
  outcome: InstanceSlot | Refusal | undefined;
  isDone = false;

  constructor(scaler: Scaler, name: RevisionName) {
    void scaler.admit(name, this.abort.signal).then((admission) => {
      this.outcome = admission;
    });
  }

  get told(): Refusal | 'placed' | undefined {
    return this.outcome instanceof InstanceSlot ? 'placed' : this.outcome;
  }

  done(): void {
    if (!(this.outcome instanceof InstanceSlot) || this.isDone) return;
    this.outcome.release();
    this.isDone = true;
  }
}

class Rig {
  readonly clock: VirtualClock = new VirtualClock();
  readonly world: FrontWorld;
  readonly scaler: Scaler;

  constructor(limits: { idleMs?: number; instancesMax?: number } = {}) {
    this.world = new FrontWorld(this.clock, { ...limits, listens: false });
    this.scaler = new Scaler(this.world.options);
  }

  /** Routes requests to these revisions, and to no others. */
  async route(...names: RevisionName[]): Promise<void> {
    this.scaler.update(new Map(names.map((name) => [revisionNameOf(name), name])));
    await this.clock.settle();
  }

  async service(id: string, shape: RevisionShape = {}): Promise<RevisionName> {
    const name = this.world.add(id, shape);
    await this.route(name);
    return name;
  }

  /** Starts take so long from now on. */
  startsTake(ms: number): void {
    this.world.instances.beforeReady = (): Promise<void> =>
      new Promise((resolve) => this.clock.schedule(this.clock.monotonicMs() + ms, resolve));
  }

  startsFail(error: Error): void {
    this.world.instances.beforeReady = async (): Promise<never> => {
      throw error;
    };
  }

  async visit(name: RevisionName, count: number): Promise<Visit[]> {
    const visits = Array.from({ length: count }, () => new Visit(this.scaler, name));
    await this.clock.settle();
    return visits;
  }

  count(name?: RevisionName): number {
    return this.world.instances.running(name).length;
  }
}

const toldOf = (visits: readonly Visit[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { told = 'waiting' } of visits) counts[told] = (counts[told] ?? 0) + 1;
  return counts;
};

describe('from zero', () => {
  test('so many start as the waiting requests fill, not one for each', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { concurrency: 40 });
    rig.startsTake(500);
    const visits = await rig.visit(name, 100);
    expect([rig.world.instances.starts, toldOf(visits)]).toEqual([3, { waiting: 100 }]);
    await rig.clock.advance(500);
    expect([rig.world.instances.starts, toldOf(visits)]).toEqual([3, { placed: 100 }]);
  });

  test('another starts when all are full', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { concurrency: 2 });
    await rig.visit(name, 2);
    expect(rig.count(name)).toBe(1);
    await rig.visit(name, 1);
    expect(rig.count(name)).toBe(2);
  });

  test('a start that fails is told to all who waited, and the next one waits longer', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { concurrency: 1, maxInstances: 1 });
    rig.startsFail(new RpcError('FAILED_PRECONDITION', 'X', 'It did not listen.'));
    expect(toldOf(await rig.visit(name, 5))).toEqual({ unavailable: 5 });
    expect(rig.world.instances.starts).toBe(1);
    const later = await rig.visit(name, 1);
    await rig.clock.advance(999);
    expect([rig.world.instances.starts, toldOf(later)]).toEqual([1, { waiting: 1 }]);
    await rig.clock.advance(1);
    expect([rig.world.instances.starts, toldOf(later)]).toEqual([2, { unavailable: 1 }]);
    const last = await rig.visit(name, 1);
    await rig.clock.advance(1_999);
    expect(rig.world.instances.starts).toBe(2);
    rig.world.instances.beforeReady = async (): Promise<void> => undefined;
    await rig.clock.advance(1);
    expect(toldOf(last)).toEqual({ placed: 1 });
  });

  test('a revision that is not there is nobody', async () => {
    const rig = new Rig();
    const name = { project: 'p', location: 'l', serviceId: 's', revisionId: 's-1' };
    await expect(rig.scaler.admit(name, new AbortController().signal)).rejects.toThrow();
  });
});

describe('at the maximum', () => {
  test('requests wait for a place in order, and not for ever', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { concurrency: 1, maxInstances: 1 });
    const [first] = await rig.visit(name, 1);
    const [second, third] = await rig.visit(name, 2);
    first!.done();
    await rig.clock.settle();
    expect([second!.told, third!.told]).toEqual(['placed', undefined]);
    // "up to 3.5 times the average startup time or 10 seconds, whichever is greater"
    await rig.clock.advance(9_999);
    expect(third!.told).toBeUndefined();
    await rig.clock.advance(1);
    expect(third!.told).toBe('saturated');
    expect(rig.world.instances.starts).toBe(1);
  });

  test('a request waits longer where starts are slow', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { concurrency: 1, maxInstances: 1 });
    rig.startsTake(20_000);
    await rig.visit(name, 1);
    await rig.clock.advance(20_000);
    const [late] = await rig.visit(name, 1);
    await rig.clock.advance(69_999);
    expect(late!.told).toBeUndefined();
    await rig.clock.advance(1);
    expect(late!.told).toBe('saturated');
  });

  test('more than may wait are refused at once', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { concurrency: 1, maxInstances: 1 });
    expect(toldOf(await rig.visit(name, 1))).toEqual({ placed: 1 });
    expect(toldOf(await rig.visit(name, 1_001))).toEqual({ waiting: 1_000, saturated: 1 });
  });

  test('one that went away leaves its place in the line', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { concurrency: 1, maxInstances: 1 });
    const [first, second, third] = await rig.visit(name, 3);
    second!.abort.abort();
    first!.done();
    await rig.clock.settle();
    expect([second!.told, third!.told]).toEqual(['aborted', 'placed']);
  });
});

describe('the minimum', () => {
  test('runs without a request, and again after an unexpected end', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { minInstances: 2 });
    expect(rig.count(name)).toBe(2);
    const crash = async (): Promise<void> => {
      await rig.world.instances.crash(rig.world.instances.running(name)[0]!.id);
      await rig.clock.settle();
    };
    await crash();
    expect(rig.count(name)).toBe(2);
    await crash();
    expect(rig.count(name)).toBe(1);
    await rig.clock.advance(1_000);
    expect(rig.count(name)).toBe(2);
    await crash();
    await rig.clock.advance(1_999);
    expect(rig.count(name)).toBe(1);
    await rig.clock.advance(1);
    expect(rig.count(name)).toBe(2);
    // One that ran for long was no failure of its start.
    await rig.clock.advance(60_000);
    await crash();
    expect(rig.count(name)).toBe(2);
  });

  test('is tried again and again while starts fail, ever more rarely', async () => {
    const rig = new Rig();
    rig.startsFail(new RpcError('FAILED_PRECONDITION', 'X', 'no'));
    await rig.service('hello-1', { minInstances: 1 });
    await rig.clock.advance(3_600_000);
    expect(rig.world.instances.starts).toBeGreaterThan(60);
    expect(rig.world.instances.starts).toBeLessThan(70);
  });

  test('ends with the traffic', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { minInstances: 2 });
    await rig.route();
    expect(rig.count(name)).toBe(0);
    expect(rig.clock.pendingCount).toBe(0);
  });
});

describe('to zero', () => {
  test('what has had no request for long stops', async () => {
    const rig = new Rig({ idleMs: 60_000 });
    const name = await rig.service('hello-1', { concurrency: 1, minInstances: 1 });
    const visits = await rig.visit(name, 3);
    expect(rig.count(name)).toBe(3);
    for (const visit of visits) visit.done();
    await rig.clock.advance(59_999);
    expect(rig.count(name)).toBe(3);
    await rig.clock.advance(1);
    expect(rig.count(name)).toBe(1);
  });

  test('requests one after the other keep one instance, and let the others go', async () => {
    const rig = new Rig({ idleMs: 60_000 });
    const name = await rig.service('hello-1', { concurrency: 1 });
    for (const visit of await rig.visit(name, 3)) visit.done();
    for (let count = 0; count < 12; count++) {
      const [visit] = await rig.visit(name, 1);
      await rig.clock.advance(10_000);
      visit!.done();
    }
    expect(rig.count(name)).toBe(1);
    await rig.clock.advance(60_000);
    expect(rig.count(name)).toBe(0);
  });

  test('a revision that lost its traffic ends with its requests', async () => {
    const rig = new Rig();
    const old = await rig.service('hello-1');
    const [visit] = await rig.visit(old, 1);
    await rig.route(rig.world.add('hello-2'));
    await rig.clock.advance(3_600_000);
    expect(rig.count(old)).toBe(1);
    visit!.done();
    await rig.clock.settle();
    expect(rig.count(old)).toBe(0);
  });

  test('an instance that somebody else started waits for traffic, and takes it', async () => {
    const rig = new Rig({ idleMs: 60_000 });
    const name = rig.world.add('hello-1');
    await rig.world.instances.start(rig.world.revision(name), new AbortController().signal);
    await rig.clock.advance(30_000);
    expect(rig.count(name)).toBe(1);
    await rig.route(name);
    expect(toldOf(await rig.visit(name, 1))).toEqual({ placed: 1 });
    expect(rig.world.instances.starts).toBe(1);
  });
});

describe('a key that is not good', () => {
  const message = "User's CMEK key has been disabled. CMEK key: projects/p/k";

  test('starts nothing; what runs goes on serving, and is kept though idle', async () => {
    const rig = new Rig({ idleMs: 60_000 });
    const name = await rig.service('hello-1', { key: frontKey, concurrency: 1, maxInstances: 5 });
    const [first] = await rig.visit(name, 1);
    rig.world.watch.tell('REVOKED', message);
    const [second] = await rig.visit(name, 1);
    expect([second!.told, rig.world.instances.starts]).toEqual([undefined, 1]);
    first!.done();
    await rig.clock.settle();
    expect(second!.told).toBe('placed');
    second!.done();
    await rig.clock.advance(3_600_000);
    expect(rig.count(name)).toBe(1);
    rig.world.watch.tell('ENABLED');
    await rig.clock.advance(60_000);
    expect(rig.count(name)).toBe(0);
  });

  test('where nothing runs, requests are refused at once, and its owner is told once', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { key: frontKey });
    rig.world.watch.tell('REVOKED', message);
    expect(toldOf(await rig.visit(name, 3))).toEqual({ unavailable: 3 });
    expect(rig.world.instances.starts).toBe(0);
    expect(rig.world.texts()).toEqual([message]);
  });

  test('the minimum comes back with the key, at once', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { key: frontKey, minInstances: 2 });
    rig.world.watch.tell('REVOKED', message);
    await rig.world.instances.stopRevision(name, 'key revoked');
    await rig.clock.advance(3_600_000);
    expect([rig.count(name), rig.world.instances.starts]).toEqual([0, 2]);
    rig.world.watch.tell('ENABLED');
    await rig.clock.settle();
    expect(rig.count(name)).toBe(2);
  });

  test('what ends of itself meanwhile, of a minimum too, stays away until then', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { key: frontKey, minInstances: 1 });
    rig.world.watch.tell('REVOKED', message);
    await rig.world.instances.crash(rig.world.instances.running(name)[0]!.id);
    await rig.clock.advance(3_600_000);
    expect([rig.count(name), rig.world.instances.starts]).toEqual([0, 1]);
    rig.world.watch.tell('ENABLED');
    await rig.clock.settle();
    expect([rig.count(name), rig.world.instances.starts]).toEqual([1, 2]);
  });

  test('a shut-down refuses those who wait, and leaves those in flight to their instance', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { key: frontKey, concurrency: 1, maxInstances: 1 });
    const [inFlight] = await rig.visit(name, 1);
    const [waiting] = await rig.visit(name, 1);
    rig.world.watch.tell('REVOKED', message);
    await rig.clock.settle();
    expect(waiting!.told).toBeUndefined();
    await rig.world.instances.stopRevision(name, 'key revoked');
    await rig.clock.settle();
    expect([inFlight!.told, waiting!.told]).toEqual(['placed', 'unavailable']);
    inFlight!.done();
  });

  test('a start that is on its way does not keep those who wait for it', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { key: frontKey });
    rig.startsTake(30_000);
    const visits = await rig.visit(name, 2);
    rig.world.watch.tell('UNREACHABLE', 'away');
    await rig.clock.settle();
    expect(toldOf(visits)).toEqual({ unavailable: 2 });
  });

  test('says nothing of services without a key', async () => {
    const rig = new Rig();
    const name = await rig.service('plain-1');
    rig.world.watch.tell('REVOKED', message);
    expect(toldOf(await rig.visit(name, 1))).toEqual({ placed: 1 });
  });
});

describe('all services together', () => {
  test('have so many instances as they may; one that idles makes room', async () => {
    const rig = new Rig({ instancesMax: 2 });
    const one = rig.world.add('one-1', { concurrency: 1 });
    const two = rig.world.add('two-1', { concurrency: 1 });
    await rig.route(one, two);
    const [first, second] = await rig.visit(one, 2);
    const [other] = await rig.visit(two, 1);
    expect([rig.count(), other!.told]).toEqual([2, undefined]);
    first!.done();
    await rig.clock.settle();
    expect([rig.count(one), rig.count(two), other!.told]).toEqual([1, 1, 'placed']);
    second!.done();
  });

  test('nothing starts in a drain, and those who wait for a start are refused', async () => {
    const rig = new Rig();
    const name = await rig.service('hello-1', { minInstances: 1 });
    rig.scaler.quiesce();
    await rig.world.instances.crash(rig.world.instances.running(name)[0]!.id);
    expect(toldOf(await rig.visit(name, 1))).toEqual({ unavailable: 1 });
    await rig.clock.advance(60_000);
    expect(rig.count(name)).toBe(0);
    rig.scaler.close();
    expect(rig.clock.pendingCount).toBe(0);
  });
});

type Step =
  | { readonly kind: 'visit' | 'done' | 'abort' | 'crash'; readonly pick: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'key'; readonly isGood: boolean }
  | { readonly kind: 'fail'; readonly isFailing: boolean }
  | { readonly kind: 'route'; readonly isRouted: boolean };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('visit' as const), pick: fc.nat(4) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom('done' as const, 'abort' as const, 'crash' as const),
        pick: fc.nat(50),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(15_000) }) },
    fc.record({ kind: fc.constant('key' as const), isGood: fc.boolean() }),
    fc.record({ kind: fc.constant('fail' as const), isFailing: fc.boolean() }),
    fc.record({ kind: fc.constant('route' as const), isRouted: fc.boolean() }),
  ),
  { maxLength: 40 },
);

test('whatever happens: never too many, never a start under a bad key, every request answered', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(2), async (plan, minInstances) => {
      const rig = new Rig({ idleMs: 5_000, instancesMax: 4 });
      const { instances, watch } = rig.world;
      let isKeyGood = true;
      let isFailing = false;
      let startsUnderBadKey = 0;
      instances.beforeReady = async (): Promise<void> => {
        if (!isKeyGood) startsUnderBadKey += 1;
        const readyMs = rig.clock.monotonicMs() + 700;
        await new Promise<void>((resolve) => rig.clock.schedule(readyMs, resolve));
        if (isFailing || !isKeyGood) throw new RpcError('FAILED_PRECONDITION', 'X', 'no');
      };
      const shape = { minInstances, maxInstances: 3, concurrency: 2, key: frontKey };
      const name = await rig.service('hello-1', shape);
      const visits: Visit[] = [];
      for (const step of plan) {
        if (step.kind === 'visit') visits.push(...(await rig.visit(name, step.pick)));
        else if (step.kind === 'done') visits[step.pick]?.done();
        else if (step.kind === 'abort') visits[step.pick]?.abort.abort();
        else if (step.kind === 'wait') await rig.clock.advance(step.ms);
        else if (step.kind === 'fail') isFailing = step.isFailing;
        else if (step.kind === 'route') await rig.route(...(step.isRouted ? [name] : []));
        else if (step.kind === 'key') {
          isKeyGood = step.isGood;
          watch.tell(isKeyGood ? 'ENABLED' : 'REVOKED');
        } else {
          const running = instances.running(name);
          if (running.length > 0) await instances.crash(running[step.pick % running.length]!.id);
        }
        await rig.clock.settle();
        expect(instances.running(name).length + instances.starting).toBeLessThanOrEqual(3);
      }
      expect(startsUnderBadKey).toBe(0);
      // No start was measured, or its mean is short: nobody waits for longer than 245 s.
      await rig.clock.advance(245_001);
      for (const visit of visits) expect(visit.told).toBeDefined();
      isFailing = false;
      isKeyGood = true;
      watch.tell('ENABLED');
      await rig.route(name);
      for (const visit of visits) visit.done();
      await rig.clock.advance(120_000);
      expect(instances.running(name).length).toBe(minInstances);
      rig.scaler.close();
    }),
    { numRuns: 150 },
  );
});
