import { expect, test } from 'vitest';

import {
  hourMs,
  KeyWatchBench,
  revisionOf,
  watchedKey,
  watchedPlace,
} from '../../../test/support/key-watch-bench.ts';
import { ScriptedKeyService } from '../../../test/support/scripted-key-service.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { EncryptionSettings } from '../services/service.ts';

const disabled = `ERROR User's CMEK key has been disabled. CMEK key: ${watchedKey}`;
const shutDown2: EncryptionSettings = { key: watchedKey, action: 'shut-down', shutdownHours: 2 };
const restored = 'INFO The CMEK key can be used again.';

interface Opened {
  readonly keys: ScriptedKeyService;
  readonly bench: KeyWatchBench;
  readonly clock: VirtualClock;
  readonly startMs: number;
}

async function open(...settings: readonly (EncryptionSettings | null)[]): Promise<Opened> {
  const keys = new ScriptedKeyService();
  const clock = new VirtualClock();
  const bench = await new KeyWatchBench(keys, clock).open();
  for (const [index, each] of settings.entries()) {
    await bench.revocations.add(revisionOf(`s-${index}`, each));
  }
  await clock.settle(10);
  return { keys, bench, clock, startMs: clock.wallMs() };
}

async function disable({ keys, clock }: Opened): Promise<void> {
  keys.setEnabled(watchedKey, false);
  await clock.settle(10);
}

async function enable({ keys, clock }: Opened): Promise<void> {
  keys.setEnabled(watchedKey, true);
  await clock.settle(10);
}

const announced = (ms: number): string =>
  `WARNING Instances of revision s-0 will be shut down at ${new Date(ms).toISOString()} unless the CMEK key can be used again by then.`;
const done = 'WARNING Instances of revision s-0 were shut down: its CMEK key was revoked.';

test('shut-down ends the instances its hours after the revocation was detected', async () => {
  const opened = await open(shutDown2);
  const { bench, clock, startMs } = opened;
  await disable(opened);
  const deadlineMs = startMs + 2 * hourMs;
  const [pending] = bench.revocations.pending();
  expect(pending).toMatchObject({ key: watchedKey, deadlineMs, revision: { revisionId: 's-0' } });
  await clock.advance(2 * hourMs - 1);
  expect(bench.target.shutDown).toEqual([]);
  await clock.advance(1);
  expect(bench.target.shutDown).toEqual(['s-0']);
  expect(bench.target.notes).toEqual([disabled, announced(deadlineMs), done]);
  await clock.advance(10 * hourMs);
  expect(bench.target.shutDown).toEqual(['s-0']);
  expect(bench.revocations.pending()).toEqual([]);
});

test('shut-down without hours waits one', async () => {
  const opened = await open({ key: watchedKey, action: 'shut-down' });
  await disable(opened);
  await opened.clock.advance(hourMs);
  expect(opened.bench.target.shutDown).toEqual(['s-0']);
});

test.each([{ key: watchedKey, action: 'prevent-new' } as const, { key: watchedKey }])(
  'a definite revocation leaves running instances alone with %j',
  async (settings) => {
    const opened = await open(settings);
    await disable(opened);
    await opened.clock.advance(20 * hourMs);
    expect(opened.bench.target).toMatchObject({ shutDown: [], notes: [disabled] });
  },
);

test('a restoration in time cancels the shutdown, and the log says so', async () => {
  const opened = await open(shutDown2);
  const { bench, clock, startMs } = opened;
  await disable(opened);
  await clock.advance(2 * hourMs - 1);
  await enable(opened);
  await clock.advance(10 * hourMs);
  const time = new Date(startMs + 2 * hourMs).toISOString();
  expect(bench.target.shutDown).toEqual([]);
  expect(bench.target.notes.slice(2)).toEqual([
    restored,
    `INFO The shutdown of revision s-0 at ${time} is cancelled.`,
  ]);
  // A later revocation has its whole time again.
  await disable(opened);
  expect(bench.revocations.pending()[0]?.deadlineMs).toBe(clock.wallMs() + 2 * hourMs);
});

test('a restoration that cannot be stored keeps instances from being stopped all the same', async () => {
  const opened = await open(shutDown2);
  const { bench, clock } = opened;
  await disable(opened);
  await clock.advance(2 * hourMs - 1_000);
  bench.faults.next('full', 'full');
  await enable(opened);
  await clock.advance(2_000);
  expect(bench.heard.at(-1)).toBe('REVOKED disabled');
  await clock.advance(hourMs);
  expect(bench.heard.at(-1)).toBe('ENABLED');
  expect(bench.target.shutDown).toEqual([]);
  expect(bench.revocations.pending()).toEqual([]);
});

test('after the shutdown nothing happens until the key works, which is logged', async () => {
  const opened = await open(shutDown2);
  await disable(opened);
  await opened.clock.advance(3 * hourMs);
  await opened.bench.restart([revisionOf('s-0', shutDown2)]);
  await opened.clock.advance(3 * hourMs);
  expect(opened.bench.target.shutDown).toEqual(['s-0']);
  await enable(opened);
  expect(opened.bench.target.notes.slice(3)).toEqual([restored]);
});

test('another cause, a quota and an outage leave a deadline that stands as it is', async () => {
  const opened = await open(shutDown2);
  const { bench, clock, keys, startMs } = opened;
  await disable(opened);
  for (const code of ['PERMISSION_DENIED', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED'] as const) {
    keys.fail(code);
    await clock.advance(20 * 60_000);
    expect(bench.revocations.pending()[0]?.deadlineMs).toBe(startMs + 2 * hourMs);
  }
  keys.fail('UNAVAILABLE');
  await clock.advance(hourMs);
  expect(bench.target.shutDown).toEqual(['s-0']);
});

test.each(['UNAVAILABLE', 'RESOURCE_EXHAUSTED'] as const)(
  'a key that answers %s starts no clock, for however long',
  async (code) => {
    const opened = await open(shutDown2);
    opened.keys.fail(code);
    await opened.clock.advance(20 * hourMs);
    expect(opened.bench.revocations.pending()).toEqual([]);
    expect(opened.bench.target.shutDown).toEqual([]);
    expect(opened.bench.target.notes).toEqual([
      code === 'UNAVAILABLE'
        ? 'WARNING scripted UNAVAILABLE'
        : `ERROR RESOURCE_EXHAUSTED: User's KMS operation quota has been exceeded. CMEK key: ${watchedKey}`,
    ]);
  },
);

test('a restart neither resets nor skips a countdown', async () => {
  const opened = await open(shutDown2);
  const { bench, clock, startMs } = opened;
  await disable(opened);
  await clock.advance(1.5 * hourMs);
  await bench.restart([revisionOf('s-0', shutDown2)]);
  expect(bench.revocations.pending()[0]?.deadlineMs).toBe(startMs + 2 * hourMs);
  await clock.advance(0.5 * hourMs - 1);
  expect(bench.target.shutDown).toEqual([]);
  await clock.advance(1);
  expect(bench.target.shutDown).toEqual(['s-0']);
});

test('a deadline that passed while nothing ran is acted upon at once', async () => {
  const opened = await open(shutDown2);
  await disable(opened);
  await opened.bench.close();
  await opened.clock.advance(5 * hourMs);
  await opened.bench.restart([revisionOf('s-0', shutDown2)]);
  await opened.clock.advance(0);
  expect(opened.bench.target.shutDown).toEqual(['s-0']);
});

test('a key that was restored while nothing ran cancels a deadline that passed', async () => {
  const opened = await open(shutDown2);
  await disable(opened);
  await opened.bench.close();
  await opened.clock.advance(5 * hourMs);
  opened.keys.setEnabled(watchedKey, true);
  await opened.bench.restart([revisionOf('s-0', shutDown2)]);
  await opened.clock.advance(hourMs);
  expect(opened.bench.target.shutDown).toEqual([]);
  expect(opened.bench.revocations.pending()).toEqual([]);
});

test('a crash between the state and the shutdown counts from the detection all the same', async () => {
  const opened = await open(shutDown2);
  const { bench, clock, startMs } = opened;
  // The state of the key is stored; the row of the shutdown is not.
  bench.watch.onChange(() => bench.faults.next('io'));
  await disable(opened);
  expect(bench.revocations.pending()).toEqual([]);
  await bench.close();
  await clock.advance(hourMs);
  await bench.restart([revisionOf('s-0', shutDown2)]);
  expect(bench.revocations.pending()[0]?.deadlineMs).toBe(startMs + 2 * hourMs);
});

test('a shutdown that cannot be stored is tried again', async () => {
  const opened = await open(shutDown2);
  const { bench, clock, startMs } = opened;
  bench.watch.onChange(() => bench.faults.next('full'));
  await disable(opened);
  await clock.advance(5_000);
  expect(bench.revocations.pending()[0]?.deadlineMs).toBe(startMs + 2 * hourMs);
});

test('instances that cannot be shut down are tried again with a growing pause', async () => {
  const opened = await open(shutDown2);
  opened.bench.target.failures = 3;
  await disable(opened);
  await opened.clock.advance(2 * hourMs + 6_999);
  expect(opened.bench.target.shutDown).toEqual([]);
  await opened.clock.advance(1);
  expect(opened.bench.target.shutDown).toEqual(['s-0']);
});

test('deadlines are of the wall clock, looked at within a minute of a step', async () => {
  const opened = await open(shutDown2);
  const { bench, clock } = opened;
  await disable(opened);
  clock.stepWall(-hourMs);
  await clock.advance(2 * hourMs);
  expect(bench.target.shutDown).toEqual([]);
  clock.stepWall(hourMs);
  await clock.advance(60_000);
  expect(bench.target.shutDown).toEqual(['s-0']);
});

test('an added revision of a key that is revoked already has its own time', async () => {
  const opened = await open({ key: watchedKey, action: 'prevent-new' });
  const { bench, clock } = opened;
  await disable(opened);
  await clock.advance(5 * hourMs);
  await bench.revocations.add(revisionOf('s-1', shutDown2, clock.wallMs()));
  await clock.settle(10);
  expect(bench.revocations.pending()[0]?.deadlineMs).toBe(clock.wallMs() + 2 * hourMs);
});

test('a revision that is removed is forgotten, and its key is watched no longer', async () => {
  const opened = await open(shutDown2, null);
  const { bench, clock } = opened;
  await disable(opened);
  await bench.revocations.remove(revisionOf('s-0', null).name);
  await bench.revocations.remove(revisionOf('s-1', null).name);
  expect(bench.revocations.pending()).toEqual([]);
  expect(bench.watch.states()).toEqual([]);
  await clock.advance(5 * hourMs);
  expect(bench.target.shutDown).toEqual([]);
  expect(await bench.meta.list('vault/')).toEqual([]);
});

test('the state is told to every revision of the key in that project', async () => {
  const opened = await open(shutDown2, shutDown2);
  await disable(opened);
  expect(opened.bench.revocations.pending()).toHaveLength(2);
  expect(opened.bench.watch.known(watchedPlace)?.cause).toBe('disabled');
  await opened.clock.advance(2 * hourMs);
  expect(opened.bench.target.shutDown).toEqual(['s-0', 's-1']);
});
