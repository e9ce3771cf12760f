import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';

import { AuditBench, auditEntry } from '../../test/support/audit-bench.ts';
import { tamperedStore } from '../../test/support/tampered-store.ts';
import type { Segment } from '../storage/index.ts';
import type { AuditFinding } from './chain/finding.ts';

/** Segments of both logs, 1 to 3 entries each, and the anchor that was left. */
let stored: Segment[] = [];
let anchor: Uint8Array | null = null;
let bench: AuditBench;

const segmentCount = 8;

beforeAll(async () => {
  bench = await AuditBench.open();
  for (let turn = 0; turn < segmentCount; turn++) {
    const batch = Array.from({ length: 1 + (turn % 3) }, (_, index) => `m${turn}-${index}`);
    for (const kind of ['activity', 'data_access'] as const) {
      await Promise.all(
        batch.map((methodName) => bench.log.append(auditEntry({ kind, methodName }))),
      );
    }
    await bench.clock.advance(1_000);
  }
  stored = [...(await bench.segments(1)), ...(await bench.segments(2))];
  await bench.log.close();
  anchor = bench.anchor.blob;
});

/** What a verification after a restart finds, and what can still be read. */
async function after(
  segments: readonly Segment[],
): Promise<{ findings: AuditFinding[]; read: string[] }> {
  const { store } = bench;
  bench.anchor.blob = anchor;
  bench.store = tamperedStore(store, segments) as never;
  await bench.reopen();
  const findings = await bench.findings();
  const query = { resourceNames: ['projects/p'], filter: '', orderBy: '', pageSize: 1_000 };
  const { entries } = await bench.log.read({ ...query, pageToken: '' });
  await bench.log.close();
  bench.store = store;
  return { findings, read: entries.map(({ insertId }) => insertId) };
}

function idsOf(segments: readonly Segment[]): string[] {
  const prefix = { 1: 'a', 2: 'd' } as Record<number, string>;
  return segments.flatMap(({ log, base, count }) =>
    Array.from(
      { length: count },
      (_, index) => prefix[log]! + (base + index).toString(16).padStart(14, '0'),
    ),
  );
}

const anySegment = fc.nat(2 * segmentCount - 1);

function copyOf(segment: Segment): Segment {
  return { ...segment, id: segment.id.slice(), body: segment.body.slice() };
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  const at = bit % (copy.length * 8);
  copy[at >> 3]! ^= 1 << (at & 7);
  return copy;
}

test('what nobody touched is whole', async () => {
  const { findings, read } = await after(stored);
  expect(findings).toEqual([]);
  expect(read.toSorted()).toEqual(idsOf(stored).toSorted());
});

describe('is found, and hides nothing else', () => {
  async function expectOnly(
    segments: readonly Segment[],
    touched: readonly Segment[],
  ): Promise<void> {
    const { findings, read } = await after(segments);
    expect(findings.length).toBeGreaterThan(0);
    const lost = new Set(idsOf(touched));
    const kept = idsOf(stored).filter((id) => !lost.has(id));
    expect(read).toEqual(expect.arrayContaining(kept));
    // Nothing is shown that was not written there.
    expect(idsOf(stored)).toEqual(expect.arrayContaining(read));
  }

  test('a bit of a body or of an id', async () => {
    await fc.assert(
      fc.asyncProperty(anySegment, fc.boolean(), fc.nat(), async (index, isId, bit) => {
        const changed = stored.map(copyOf);
        const { id, body } = changed[index]!;
        const change = isId ? { id: flipped(id, bit) } : { body: flipped(body, bit) };
        changed[index] = { ...changed[index]!, ...change };
        await expectOnly(changed, [stored[index]!]);
      }),
      { numRuns: 60 },
    );
  });

  test('a header', async () => {
    const fields = fc.constantFrom('count', 'epoch', 'timeMs', 'kind');
    const property = fc.asyncProperty(
      anySegment,
      fields,
      fc.integer({ min: 1, max: 9 }),
      async (index, field, by) => {
        const changed = stored.map(copyOf);
        const segment = changed[index]!;
        const value = field === 'kind' ? 1 : segment[field] + by;
        changed[index] = { ...segment, [field]: value };
        await expectOnly(changed, [stored[index]!]);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  test('a body that was cut or has more', async () => {
    await fc.assert(
      fc.asyncProperty(anySegment, fc.integer({ min: -80, max: 80 }), async (index, by) => {
        fc.pre(by !== 0);
        const changed = stored.map(copyOf);
        const { body } = changed[index]!;
        const length = Math.max(0, body.length + by);
        const other = new Uint8Array(length);
        other.set(body.subarray(0, length));
        changed[index] = { ...changed[index]!, body: other };
        await expectOnly(changed, [stored[index]!]);
      }),
      { numRuns: 40 },
    );
  });

  test('a removal, at the beginning, between and at the end', async () => {
    for (let index = 0; index < stored.length; index++) {
      const left = stored.filter((_, at) => at !== index);
      await expectOnly(left, [stored[index]!]);
    }
  });

  test('a removal that those behind it hide by moving up', async () => {
    const [first, removed, ...rest] = stored.filter(({ log }) => log === 1);
    let base = removed!.base;
    const moved = rest.map((segment) => {
      const at = base;
      base += segment.count;
      return { ...segment, base: at };
    });
    const others = stored.filter(({ log }) => log === 2);
    await expectOnly([first!, ...moved, ...others], [removed!, ...rest]);
  });

  test('an exchange of two', async () => {
    await fc.assert(
      fc.asyncProperty(anySegment, anySegment, async (one, two) => {
        fc.pre(one !== two);
        const [a, b] = [stored[one]!, stored[two]!];
        const changed = stored.map(copyOf);
        changed[one] = { ...b, log: a.log, base: a.base, count: a.count };
        changed[two] = { ...a, log: b.log, base: b.base, count: b.count };
        await expectOnly(changed, [a, b]);
      }),
      { numRuns: 40 },
    );
  });

  test('a cut tail, of any length, all of it included', async () => {
    for (const log of [1, 2]) {
      const own = stored.filter((segment) => segment.log === log);
      const others = stored.filter((segment) => segment.log !== log);
      for (let left = 0; left < own.length; left++) {
        const { findings } = await after([...own.slice(0, left), ...others]);
        const cut = own.slice(left);
        expect(findings).toContainEqual(
          expect.objectContaining({
            kind: 'truncated',
            firstInsertId: idsOf(cut)[0],
            lastInsertId: idsOf(cut).at(-1),
          }),
        );
      }
    }
  });
});

test('a finding names the entries and the times between which they were', async () => {
  const activity = stored.filter(({ log }) => log === 1);
  const { findings } = await after(stored.filter((segment) => segment !== activity[2]));
  expect(findings).toEqual([
    {
      chain: 'activity',
      kind: 'missing',
      first: 3,
      last: 5,
      firstInsertId: 'a00000000000003',
      lastInsertId: 'a00000000000005',
      afterMs: activity[1]!.timeMs,
      beforeMs: activity[3]!.timeMs,
    },
  ]);
});

test('a log of the same key that was begun anew is not the one that the anchor knows', async () => {
  const other = await AuditBench.open();
  const total = idsOf(stored.filter(({ log }) => log === 1)).length;
  for (let count = 0; count < total; count++) await other.log.append(auditEntry());
  const forged = await other.segments(1);
  const { findings } = await after([...forged, ...stored.filter(({ log }) => log === 2)]);
  expect(findings).toContainEqual(expect.objectContaining({ kind: 'replaced', chain: 'activity' }));
});

test('an anchor that is gone or was changed is told from then on', async () => {
  for (const blob of [null, flipped(anchor!, 77)]) {
    const whole = anchor;
    anchor = blob;
    const { findings } = await after(stored);
    anchor = whole;
    expect(findings.map(({ kind }) => kind)).toEqual(['anchor', 'anchor']);
  }
});

test('an anchor that is taken away under a running log is found', async () => {
  const other = await AuditBench.open();
  await other.log.append(auditEntry());
  other.anchor.blob = null;
  expect((await other.findings()).map(({ kind }) => kind)).toEqual(['anchor', 'anchor']);
});

test('what was cut is told after the restart that found it, and the log goes on', async () => {
  const other = await AuditBench.open();
  for (let count = 0; count < 4; count++) await other.log.append(auditEntry());
  await other.replace((segments) => segments.slice(0, 2));
  for (let start = 0; start < 2; start++) {
    await other.reopen();
    expect(await other.findings()).toMatchObject([
      { kind: 'truncated', firstInsertId: 'a00000000000002', lastInsertId: 'a00000000000003' },
    ]);
    await other.log.append(auditEntry());
    await other.log.close();
  }
});
