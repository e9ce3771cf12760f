import { describe, expect, test } from 'vitest';

import { AuditBench, auditEntry } from '../../test/support/audit-bench.ts';
import type { AuditQuery } from './audit-log.ts';

const everything: AuditQuery = {
  resourceNames: ['projects/p'],
  filter: '',
  orderBy: '',
  pageSize: 1_000,
  pageToken: '',
};

const id = (number: number): string => number.toString(16).padStart(32, '0');

async function methods(bench: AuditBench, query: Partial<AuditQuery> = {}): Promise<string[]> {
  const { entries } = await bench.log.read({ ...everything, ...query });
  return entries.map(({ methodName }) => methodName);
}

describe('what was appended', () => {
  test('is read back as it was, after a restart too', async () => {
    const bench = await AuditBench.open();
    const status = { code: 'NOT_FOUND' as const, message: 'no' };
    const written = await bench.log.append(auditEntry({ status, reason: { text: 'why' } }));
    expect(written).toMatchObject({ insertId: 'a00000000000000', timeMs: bench.clock.wallMs() });
    for (let start = 0; start < 2; start++) {
      expect((await bench.log.read(everything)).entries).toEqual([written]);
      await bench.log.close();
      await bench.reopen();
    }
    expect(await bench.findings()).toEqual([]);
  });

  test('at once shares segments and keeps its order', async () => {
    const bench = await AuditBench.open();
    const names = Array.from({ length: 600 }, (_, index) => `m${index}`);
    await Promise.all(names.map((methodName) => bench.log.append(auditEntry({ methodName }))));
    expect((await bench.segments(1)).length).toBeLessThan(6);
    expect(await methods(bench)).toEqual(names);
    expect(await bench.verified()).toEqual({ findings: [], passed: 600, expected: 600 });
  });

  test('never has a time below the entry before', async () => {
    const bench = await AuditBench.open();
    const first = await bench.log.append(auditEntry());
    bench.clock.stepWall(-60_000);
    expect((await bench.log.append(auditEntry())).timeMs).toBe(first.timeMs);
  });

  test('is written once for an id, at once, later and by the next process', async () => {
    const bench = await AuditBench.open();
    const append = async (): Promise<unknown> => await bench.log.append(auditEntry(), id(1));
    const [first, second] = await Promise.all([append(), append()]);
    expect(second).toEqual(first);
    expect(await append()).toEqual(first);
    await bench.log.close();
    await bench.reopen();
    expect(await append()).toEqual(first);
    await bench.log.append(auditEntry(), id(2));
    expect(await methods(bench)).toHaveLength(2);
  });

  test('is written once for an id, however many came after it', async () => {
    const bench = await AuditBench.open();
    const first = await bench.log.append(auditEntry(), id(1));
    const more = Array.from({ length: 1_500 }, () => bench.log.append(auditEntry()));
    await Promise.all(more);
    await bench.log.close();
    await bench.reopen();
    expect(await bench.log.append(auditEntry(), id(1))).toEqual(first);
  });

  test('is kept without its largest members if it is too large', async () => {
    const bench = await AuditBench.open();
    await bench.log.append(auditEntry({ request: 'x'.repeat(300_000), metadata: { small: 1 } }));
    const { entries } = await bench.log.read(everything);
    expect(entries[0]).toMatchObject({
      request: { 'sealpost-omitted': 'It was too large for the audit log.' },
      metadata: { small: 1 },
    });
  });
});

describe('what cannot be written', () => {
  test.each(['full', 'io', 'readOnly'] as const)('is refused: %s', async (fault) => {
    const bench = await AuditBench.open();
    bench.store.faults.next(fault);
    await expect(bench.log.append(auditEntry())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'AUDIT_UNAVAILABLE',
    });
    await bench.log.append(auditEntry({ methodName: 'after' }));
    expect(await methods(bench)).toEqual(['after']);
    expect(await bench.findings()).toEqual([]);
  });

  test.each(['unknown-landed', 'unknown-lost'] as const)('is tried again: %s', async (fault) => {
    const bench = await AuditBench.open();
    bench.store.faults.next(fault);
    await bench.log.append(auditEntry());
    await bench.log.append(auditEntry());
    expect(await methods(bench)).toHaveLength(2);
    expect(await bench.findings()).toEqual([]);
  });

  test('is refused once the log is closed', async () => {
    const bench = await AuditBench.open();
    await bench.log.close();
    await expect(bench.log.append(auditEntry())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('is not the anchor: it is made up for later', async () => {
    const bench = await AuditBench.open();
    bench.anchor.isBroken = true;
    await bench.log.append(auditEntry());
    bench.anchor.isBroken = false;
    const { saves } = bench.anchor;
    await bench.clock.advance(10_000);
    expect(bench.anchor.saves).toBe(saves + 1);
  });
});

describe('the anchor', () => {
  test('is written with each activity entry, and every ten seconds for data access', async () => {
    const bench = await AuditBench.open();
    const { saves } = bench.anchor;
    await bench.log.append(auditEntry());
    expect(bench.anchor.saves).toBe(saves + 1);
    for (let count = 0; count < 5; count++) {
      await bench.log.append(auditEntry({ kind: 'data_access' }));
    }
    expect(bench.anchor.saves).toBe(saves + 1);
    await bench.clock.advance(10_000);
    expect(bench.anchor.saves).toBe(saves + 2);
  });
});

describe('retention', () => {
  const days = (count: number): number => count * 86_400_000;

  test('keeps 400 days of activity and 30 of data access, and the rest of the chain whole', async () => {
    const bench = await AuditBench.open();
    for (let day = 0; day < 410; day += 10) {
      await bench.log.append(auditEntry({ methodName: `a${day}` }));
      await bench.log.append(auditEntry({ methodName: `d${day}`, kind: 'data_access' }));
      await bench.clock.advance(days(10));
    }
    const left = await methods(bench);
    expect(left.filter((name) => name.startsWith('a'))[0]).toBe('a10');
    expect(left.filter((name) => name.startsWith('d'))[0]).toBe('d380');
    expect(await bench.findings()).toEqual([]);
    await bench.log.close();
    await bench.reopen();
    expect(await methods(bench)).toEqual(left);
    expect(await bench.findings()).toEqual([]);
  });

  test('is told from a beginning that others cut', async () => {
    const bench = await AuditBench.open();
    for (let count = 0; count < 3; count++) await bench.log.append(auditEntry());
    await bench.store.trim([{ log: 1, below: 1 }]);
    expect(await bench.findings()).toMatchObject([{ kind: 'missing', first: 0, last: 0 }]);
  });
});
