import { describe, expect, test } from 'vitest';

import { RpcError } from '../../rpc/index.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { KeyQuotas, type QuotaUse } from './key-quotas.ts';

interface Bench {
  readonly quotas: KeyQuotas;
  readonly clock: VirtualClock;
  readonly seen: string[];
  /** How many of `count` uses are granted. */
  readonly granted: (count: number, use?: Partial<QuotaUse>) => Promise<number>;
}

function open(perSecond = { HSM: 500, EXTERNAL: 100 }): Bench {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const quotas = new KeyQuotas({
    perSecond,
    clock,
    projectNumber: async () => '123456789012',
    observer: { quotaUse: (metric, isGranted) => seen.push(`${metric} ${isGranted}`) },
  });
  const isGranted = async (use: Partial<QuotaUse>): Promise<boolean> => {
    try {
      await quotas.take({ projectId: 'p', location: 'l', level: 'EXTERNAL', ...use });
      return true;
    } catch (error) {
      if (error instanceof RpcError && error.code === 'RESOURCE_EXHAUSTED') return false;
      throw error;
    }
  };
  const granted = async (count: number, use: Partial<QuotaUse> = {}): Promise<number> => {
    const all = await Promise.all(Array.from({ length: count }, () => isGranted(use)));
    return all.filter(Boolean).length;
  };
  return { quotas, clock, seen, granted };
}

describe('the quota of a project and location', () => {
  test('is 500 uses a second of HSM keys and 100 of EXTERNAL keys; SOFTWARE keys use none', async () => {
    const { granted, seen } = open();
    expect(await granted(1_000, { level: 'HSM' })).toBe(500);
    expect(await granted(1_000, { level: 'EXTERNAL' })).toBe(100);
    expect(seen).toHaveLength(2_000);
    expect(await granted(10_000, { level: 'SOFTWARE' })).toBe(10_000);
    expect(seen).toHaveLength(2_000);
  });

  test('is kept by the second, not by the minute', async () => {
    const { granted, clock } = open();
    expect(await granted(200)).toBe(100);
    await clock.advance(10);
    expect(await granted(200)).toBe(1);
    await clock.advance(500);
    expect(await granted(200)).toBe(50);
    await clock.advance(60_000);
    expect(await granted(200)).toBe(100);
  });

  test('is its own: another project, location or level has another', async () => {
    const { granted } = open();
    expect(await granted(101)).toBe(100);
    expect(await granted(101, { projectId: 'q' })).toBe(100);
    expect(await granted(101, { location: 'm' })).toBe(100);
    expect(await granted(101, { level: 'HSM' })).toBe(101);
    expect(await granted(1)).toBe(0);
  });

  test('of 0 is no limit, and is counted', async () => {
    const { granted, seen } = open({ HSM: 0, EXTERNAL: 0 });
    expect(await granted(5_000)).toBe(5_000);
    expect(new Set(seen)).toEqual(new Set(['external_kms_requests true']));
  });

  test('is forgotten when it is full, and only then', async () => {
    const { granted, clock } = open({ HSM: 1, EXTERNAL: 1 });
    for (let n = 0; n < 999; n++) await granted(1, { projectId: `old-${n}` });
    await clock.advance(1_000);
    expect(await granted(2, { projectId: 'busy' })).toBe(1);
    for (let n = 0; n < 10; n++) await granted(1, { projectId: `new-${n}` });
    expect(await granted(1, { projectId: 'busy' })).toBe(0);
  });
});

describe('a use beyond the quota', () => {
  test.each([
    ['HSM', 'hsm_symmetric_requests', 'HsmSymmetricRequestsPerMinutePerProjectPerRegion'],
    ['EXTERNAL', 'external_kms_requests', 'ExternalKmsRequestsPerMinutePerProjectPerRegion'],
  ] as const)('of %s names metric, limit, service and consumer', async (level, name, limit) => {
    const { quotas, seen } = open({ HSM: 1, EXTERNAL: 1 });
    const use = { projectId: 'p', location: 'europe-west3', level };
    await quotas.take(use);
    const metric = `cloudkms.googleapis.com/${name}`;
    const message =
      `Quota exceeded for quota metric '${metric}' and limit '${limit}' of service ` +
      `'cloudkms.googleapis.com' for consumer 'project_number:123456789012'.`;
    await expect(quotas.take(use)).rejects.toMatchObject(
      expect.objectContaining({
        code: 'RESOURCE_EXHAUSTED',
        reason: 'RATE_LIMIT_EXCEEDED',
        message,
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'RATE_LIMIT_EXCEEDED',
            domain: 'googleapis.com',
            metadata: {
              service: 'cloudkms.googleapis.com',
              consumer: 'projects/123456789012',
              quota_metric: metric,
              quota_limit: limit,
              quota_limit_value: '60',
              quota_location: 'europe-west3',
            },
          },
          {
            '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
            violations: [
              {
                subject: 'project_number:123456789012',
                description: message,
                apiService: 'cloudkms.googleapis.com',
                quotaMetric: metric,
                quotaId: limit,
                quotaDimensions: { region: 'europe-west3' },
                quotaValue: '60',
              },
            ],
          },
        ],
      }),
    );
    expect(seen).toEqual([`${name} true`, `${name} false`]);
  });
});
