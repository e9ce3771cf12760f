import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyName, openKmsBench, ringName } from '../../../test/support/embedded-kms.ts';
import { operator } from '../../../test/support/operator-keys.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { testProviders } from '../../../test/support/dek-bench.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { type AuditLog, openAuditLog } from '../../audit/index.ts';
import { silentLogger } from '../../runtime/index.ts';
import { openMemoryStore } from '../../storage/index.ts';
import type { EmbeddedKeyService } from '../embedded-key-service.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

async function openAudit(clock: VirtualClock): Promise<AuditLog> {
  let anchor: Uint8Array | null = null;
  return await openAuditLog({
    store: openMemoryStore({ clock }),
    anchor: { load: async () => anchor, save: async (blob) => void (anchor = blob) },
    key: testProviders().preferred.importKey(new Uint8Array(32).fill(7)),
    clock,
    entropy: new SeededEntropy(3),
    log: silentLogger,
  });
}

interface Bench {
  readonly clock: VirtualClock;
  readonly service: EmbeddedKeyService;
  readonly audit: AuditLog;
}

async function openBench(): Promise<Bench> {
  const clock = new VirtualClock();
  const audit = await openAudit(clock);
  const { service } = await openKmsBench({ clock, audit });
  return { clock, service, audit };
}

/** Of a key whose versions are destroyed a day after they are scheduled. */
async function shortLivedVersion(service: EmbeddedKeyService): Promise<string> {
  const { name } = await service.createCryptoKey(
    {
      parent: ringName,
      id: 'short',
      labels: {},
      purpose: 'ENCRYPT_DECRYPT',
      versionTemplate: { protectionLevel: 'SOFTWARE' },
      destroyScheduledSeconds: 86_400,
      skipInitialVersion: false,
    },
    operator,
  );
  return `${name}/cryptoKeyVersions/1`;
}

/** Time passes, or the wall clock is stepped, forth or back. */
const steps = fc.array(
  fc.record({
    passMs: fc.oneof(fc.constant(0), fc.nat(5 * minuteMs), fc.nat(20 * hourMs)),
    stepMs: fc.oneof(fc.constant(0), fc.integer({ min: -3 * dayMs, max: 3 * dayMs })),
  }),
  { minLength: 1, maxLength: 12 },
);

describe('a wall clock that is stepped by hours and days', () => {
  test('destroys nothing before its time, and what is due within a minute or two', async () => {
    let dueCount = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const { clock, service } = await openBench();
        const version = await shortLivedVersion(service);
        const { destroyTimeMs = 0 } = await service.destroyVersion(version, false, operator);
        let wasDue = false;
        for (const { passMs, stepMs } of taken) {
          clock.stepWall(stepMs);
          const startMs = clock.wallMs();
          await clock.advance(passMs);
          await service.lifecycle.idle();
          wasDue ||= clock.wallMs() >= destroyTimeMs;
          const { state, destroyEventTimeMs = 0 } = await service.getVersion(version, operator);
          if (state === 'DESTROYED') {
            expect(wasDue).toBe(true);
            expect(destroyEventTimeMs).toBeGreaterThanOrEqual(destroyTimeMs);
          } else {
            expect(state).toBe('DESTROY_SCHEDULED');
            const dueForMs = Math.min(passMs, clock.wallMs() - Math.max(startMs, destroyTimeMs));
            expect(dueForMs).toBeLessThanOrEqual(2 * minuteMs);
          }
        }
        if (wasDue) dueCount++;
        await service.close();
      }),
      { numRuns: 60 },
    );
    expect(dueCount).toBeGreaterThan(0);
  });

  test('rotates a key once for each time that came, never for one that came twice', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const { clock, service } = await openBench();
        const firstMs = clock.wallMs() + dayMs;
        const schedule = { nextRotationTimeMs: firstMs, rotationPeriodSeconds: 86_400 };
        const fields = ['next_rotation_time', 'rotation_period'] as const;
        await service.updateCryptoKey(keyName, schedule, fields, operator);
        // Each rotation uses up all the times of the schedule that the wall clock ever showed.
        let highestMs = clock.wallMs();
        for (const { passMs, stepMs } of taken) {
          clock.stepWall(stepMs);
          highestMs = Math.max(highestMs, clock.wallMs());
          await clock.advance(passMs);
          await service.lifecycle.idle();
          highestMs = Math.max(highestMs, clock.wallMs());
        }
        const timesShown = Math.max(0, Math.floor((highestMs - firstMs) / dayMs) + 1);
        const page = { pageSize: 1000, pageToken: '' };
        const { items } = await service.listVersions(keyName, page, operator);
        const { nextRotationTimeMs = 0, primary } = await service.getCryptoKey(keyName, operator);
        expect(items.length - 1).toBeLessThanOrEqual(timesShown);
        expect(primary?.name).toBe(`${keyName}/cryptoKeyVersions/${items.length}`);
        expect((nextRotationTimeMs - firstMs) % dayMs).toBe(0);
        expect(nextRotationTimeMs).toBeLessThanOrEqual(firstMs + timesShown * dayMs);
        await service.close();
      }),
      { numRuns: 60 },
    );
  });

  test('never takes an audit entry back before the one that came first', async () => {
    const { clock, service, audit } = await openBench();
    const stepsMs = [3 * dayMs, -5 * dayMs, hourMs, -2 * hourMs, 9 * dayMs, -30 * dayMs];
    for (const stepMs of stepsMs) {
      clock.stepWall(stepMs);
      await service.createVersion(keyName, { state: 'ENABLED' }, operator);
      await clock.advance(minuteMs);
    }
    const times: number[] = [];
    const filter = 'log_id("cloudaudit.googleapis.com/activity")';
    const resourceNames = ['projects/p'];
    const query = { resourceNames, filter, orderBy: '', pageSize: 100, pageToken: '' };
    const { entries } = await audit.read(query);
    for (const { timeMs } of entries) times.push(timeMs);
    expect(times.length).toBeGreaterThanOrEqual(stepsMs.length);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    await service.close();
  });
});
