import { describe, expect, test } from 'vitest';
import { LiveKeys } from '../support/live-keys.ts';
import { useLiveServer } from '../support/live-server.ts';
import { RestWire } from '../support/wire.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const project = 'projects/steps';

const live = useLiveServer();
const rest = new RestWire(() => live.url);
const keys = new LiveKeys(() => live.url);

interface Version {
  readonly name: string;
  readonly state: string;
  readonly destroyTime?: string;
  readonly destroyEventTime?: string;
}

interface Key {
  readonly name: string;
  readonly primary: Version;
  readonly nextRotationTime?: string;
}

/** Before the same is asked again. */
function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    live.clock.schedule(live.clock.monotonicMs() + ms, resolve);
  });
}

/** The wall clock is another one from now on, and the minute passes within which it is looked at. */
async function stepWall(byMs: number): Promise<void> {
  live.clock.stepWall(byMs);
  await live.pass(2 * minuteMs);
}

async function createKey(id: string, more: object): Promise<Key> {
  const ring = `${project}/locations/global/keyRings/${id}`;
  await rest.send('POST', `${project}/locations/global/keyRings?keyRingId=${id}`, {});
  const body = { purpose: 'ENCRYPT_DECRYPT', ...more };
  return await rest.send<Key>('POST', `${ring}/cryptoKeys?cryptoKeyId=key`, body);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(10);
}

describe('a wall clock that is set back and forth by days, of a server that runs', () => {
  test('destroys a version at its time by the wall, however often that is put off', async () => {
    const key = await createKey('destruction', { destroyScheduledDuration: '86400s' });
    const version = await rest.send<Version>('POST', `${key.primary.name}:destroy`, {});
    const dueMs = Date.parse(version.destroyTime!);
    const state = async (): Promise<string> =>
      (await rest.send<Version>('GET', version.name)).state;
    await stepWall(-3 * dayMs);
    await live.pass(2 * dayMs);
    expect(live.clock.wallMs()).toBeLessThan(dueMs);
    expect(await state()).toBe('DESTROY_SCHEDULED');
    await stepWall(-6 * hourMs);
    expect(await state()).toBe('DESTROY_SCHEDULED');
    await stepWall(4 * dayMs);
    expect(live.clock.wallMs()).toBeGreaterThan(dueMs);
    await until(async () => (await state()) === 'DESTROYED');
    const { destroyEventTime } = await rest.send<Version>('GET', version.name);
    expect(Date.parse(destroyEventTime!)).toBeGreaterThanOrEqual(dueMs);
    await stepWall(-10 * dayMs);
    expect(await state()).toBe('DESTROYED');
  });

  test('rotates a key once, though its time comes twice', async () => {
    const nextMs = live.clock.wallMs() + dayMs;
    const nextRotationTime = new Date(nextMs).toISOString();
    const key = await createKey('rotation', { rotationPeriod: '864000s', nextRotationTime });
    const primary = async (): Promise<string> => {
      const { primary: now } = await rest.send<Key>('GET', key.name);
      return now.name.slice(now.name.lastIndexOf('/') + 1);
    };
    await stepWall(2 * dayMs);
    await until(async () => (await primary()) === '2');
    await stepWall(-2 * dayMs);
    await live.pass(2 * dayMs);
    expect(await primary()).toBe('2');
    const { nextRotationTime: later } = await rest.send<Key>('GET', key.name);
    expect(Date.parse(later!)).toBe(nextMs + 10 * dayMs);
  });

  test('leaves topics readable, and the audit log in order and whole', async () => {
    const key = await keys.createGranted(project);
    const topic = `${project}/topics/orders`;
    const subscription = `${project}/subscriptions/orders`;
    await rest.send('PUT', topic, { kmsKeyName: key.name });
    await rest.send('PUT', subscription, { topic });
    for (const stepMs of [-5 * dayMs, hourMs, 3 * dayMs, -hourMs]) {
      await stepWall(stepMs);
      await rest.send('POST', `${topic}:publish`, { messages: [{ data: 'aGk=' }] });
      await rest.send('POST', `${key.name}/cryptoKeyVersions`, {});
    }
    const pull = { maxMessages: 100, returnImmediately: true };
    const received = new Set<string>();
    await until(async () => {
      const { receivedMessages = [] } = await rest.send<{
        receivedMessages?: readonly { message: { messageId: string } }[];
      }>('POST', `${subscription}:pull`, pull);
      for (const { message } of receivedMessages) received.add(message.messageId);
      return received.size === 4;
    });
    const reply = await fetch(`${live.url}/v2/entries:list`, {
      method: 'POST',
      body: JSON.stringify({
        resourceNames: [project],
        filter: 'logName:("activity" OR "system_event")',
        pageSize: 1000,
      }),
    });
    const { entries } = (await reply.json()) as { entries: readonly { timestamp: string }[] };
    const times = entries.map(({ timestamp }) => Date.parse(timestamp));
    expect(times.length).toBeGreaterThan(10);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
});
