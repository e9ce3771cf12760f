import { describe, expect, test } from 'vitest';

import { segmentKinds, type Append, type MemoryStore } from '../../src/storage/index.ts';
import { BrokerRun, type RunReport } from './broker-run.ts';

const steps = 200;
const seeds = Array.from({ length: 50 }, (_, i) => i + 1);

test('fifty random workloads behave as the model does', async () => {
  const totals = { published: 0, delivered: 0, acked: 0, refused: 0, restarts: 0 };
  for (const seed of seeds) {
    const report = await new BrokerRun({ seed, steps }).run();
    for (const name of Object.keys(totals) as (keyof RunReport)[]) totals[name] += report[name];
  }
  // Far below what they do, far above what a run does that mostly gives up.
  expect(totals.published).toBeGreaterThan(5_000);
  expect(totals.delivered).toBeGreaterThan(5_000);
  expect(totals.acked).toBeGreaterThan(500);
  expect(totals.refused).toBeGreaterThan(200);
  expect(totals.restarts).toBeGreaterThan(100);
});

/** A store that breaks its word about one kind of segment, every so often. */
function lying(kind: number, broken: (op: Append) => boolean): (disk: MemoryStore) => MemoryStore {
  return (disk) => {
    const commit = disk.commit.bind(disk);
    disk.commit = async (ops) => {
      const kept = ops.filter((op) => op.kind !== kind || !broken(op));
      const outcomes = await commit(kept);
      return ops.map((op) => {
        const at = kept.indexOf(op);
        return at < 0 ? 'ok' : outcomes[at]!;
      });
    };
    return disk;
  };
}

const everyThird = (): ((op: Append) => boolean) => {
  let count = 0;
  return () => ++count % 3 === 0;
};

/** The complaint of the first seed that notices. */
async function firstComplaint(wrapStore: (disk: MemoryStore) => MemoryStore): Promise<string> {
  for (const seed of seeds) {
    try {
      await new BrokerRun({ seed, steps, wrapStore }).run();
    } catch (error) {
      return String(error);
    }
  }
  return 'nobody noticed';
}

describe('a broken part is noticed, with seed and step', () => {
  test('a store that forgets acks which it said were durable', async () => {
    const complaint = await firstComplaint(lying(segmentKinds.ackDelta, everyThird()));
    expect(complaint).toMatch(/seed \d+, (step \d+|the end).*(again after its ack|unacked, not)/);
  });

  test('a store that forgets messages which it said were durable', async () => {
    const complaint = await firstComplaint(lying(segmentKinds.messages, everyThird()));
    expect(complaint).toMatch(/seed \d+, (step \d+|the end)/);
    expect(complaint).not.toMatch(/nobody noticed/);
  });
});
