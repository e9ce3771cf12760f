import { expect, test } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { Refusal, unreachable, Unreachable } from '../connection/refusal.ts';
import type { Json } from '../connection/rest-api.ts';
import { RestSender } from './message-sender.ts';

const away = new Unreachable('http://h', 'refuses connections', true);
const broken = new Unreachable('http://h', 'broke the connection');
const busy = new Refusal('UNAVAILABLE', '', 'Try again.');
const gone = new Refusal('NOT_FOUND', '', 'No such topic.');

const message = { data: Buffer.from('tea'), attributes: { a: '1' }, orderingKey: 'k' };

/** A sender whose server answers as scripted; the last answer stays. */
function open(...script: (Error | Json)[]): {
  clock: VirtualClock;
  stop: AbortController;
  sender: RestSender;
  requests: { path: string; body: unknown; atMs: number }[];
  told: (string | undefined)[];
} {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const requests: { path: string; body: unknown; atMs: number }[] = [];
  const post = async (path: string, body: unknown): Promise<Json> => {
    requests.push({ path, body: JSON.parse(String(body)), atMs: clock.monotonicMs() });
    const answer = script.length > 1 ? script.shift()! : script[0]!;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const told: (string | undefined)[] = [];
  const onWaiting = (error: Error | undefined): void => void told.push(error?.message);
  const patience = { giveUpMs: 60_000, stop: stop.signal, onWaiting };
  const sender = new RestSender('projects/p/topics/t', { api: { post }, clock }, patience);
  return { clock, stop, sender, requests, told };
}

test('a batch is one request of the API', async () => {
  const { sender, requests } = open({ messageIds: ['7'] });
  expect(await sender.send([message])).toEqual(['7']);
  expect(requests).toEqual([
    {
      path: 'projects/p/topics/t:publish',
      body: { messages: [{ data: 'dGVh', attributes: { a: '1' }, orderingKey: 'k' }] },
      atMs: 0,
    },
  ]);
});

test('a server that is away is asked again, ever later; what never arrived is not sent twice', async () => {
  const { clock, sender, requests, told } = open(away, away, busy, { messageIds: ['1'] });
  const sent = sender.send([message]);
  await clock.advance(1000);
  expect(await sent).toEqual(['1']);
  expect(requests.map(({ atMs }) => atMs)).toEqual([0, 100, 300, 700]);
  expect(told).toEqual(['http://h refuses connections.', undefined]);
  expect(sender.repeatedCount).toBe(0);
});

test('what may have arrived is counted as sent again', async () => {
  const { clock, sender } = open(broken, { messageIds: ['1'] });
  const sent = sender.send([message, message]);
  await clock.advance(1000);
  await sent;
  expect(sender.repeatedCount).toBe(2);
});

test.each([
  gone,
  unreachable('https://h', { cause: { code: 'ERR_SSL_WRONG_VERSION_NUMBER' } }),
  unreachable('https://h', { cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } }),
  unreachable('http://h:1', { cause: new Error('bad port') }),
  unreachable('http://h:22', { cause: { code: 'HPE_INVALID_CONSTANT' } }),
])('what no waiting mends is not tried again: %s', async (error) => {
  const { sender, requests, told } = open(error);
  await expect(sender.send([message])).rejects.toBe(error);
  expect([requests.length, told]).toEqual([1, []]);
});

test('it gives up after its time, and soon after somebody wants to stop', async () => {
  const patient = open(away);
  const lost = expect(patient.sender.send([message])).rejects.toBe(away);
  await patient.clock.advance(70_000);
  await lost;
  expect(patient.requests.at(-1)?.atMs).toBeGreaterThan(50_000);

  const stopped = open(away);
  const left = expect(stopped.sender.send([message])).rejects.toBe(away);
  await stopped.clock.advance(10_000);
  stopped.stop.abort();
  await stopped.clock.advance(5_000);
  await left;
  expect(stopped.requests.at(-1)?.atMs).toBeLessThan(14_000);
});
