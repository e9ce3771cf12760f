import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SystemClock } from '../../src/runtime/index.ts';
import { GrpcChannel } from '../grpc-channel.ts';
import { describeMachine } from '../machine.ts';
import { call } from '../scenarios/resources.ts';
import { startSealpost, type SealpostServer } from '../servers/sealpost.ts';
import { Publisher } from './publisher.ts';
import { Subscriber } from './subscriber.ts';

const usage = `Usage: npm run bench:revocation [-- OPTIONS]

Disables one key under many topics while messages go in and out, and tells when the last byte came.

  --topics N      topics under the key, each with a subscription and a stream [1000]
  --rate N        messages a second, in batches of 100 [25000]
  --rounds N      how often the key is disabled and enabled [5]
  --no-results    write no results file
  --help          this text`;

const clock = new SystemClock();
const project = 'projects/bench';
const ring = `${project}/locations/global/keyRings/revocation`;
const key = `${ring}/cryptoKeys/shared`;
const version = `${key}/cryptoKeyVersions/1`;
const connectionCount = 8;
const steadyMs = 4_000;
const quietMs = 3_000;

interface Plan {
  readonly topics: number;
  readonly rate: number;
  readonly rounds: number;
}

/** What one round showed; milliseconds after the order's answer. */
interface Round {
  readonly publishedPerSecond: number;
  readonly deliveredPerSecond: number;
  /** How long the order itself took to be answered. */
  readonly orderMs: number;
  /** Of each topic that got anything after the answer: its last delivery. */
  readonly lastDeliveriesMs: readonly number[];
  readonly lastPublishMs: number;
  readonly endedStreams: number;
  readonly firstDeliveriesMs: readonly number[];
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => void clock.schedule(clock.monotonicMs() + ms, resolve));

async function setUp({ address }: SealpostServer, topics: number): Promise<string[]> {
  await call(address, 'POST', `${project}/locations/global/keyRings?keyRingId=revocation`, {});
  await call(address, 'POST', `${ring}/cryptoKeys?cryptoKeyId=shared`, {
    purpose: 'ENCRYPT_DECRYPT',
  });
  const { projectNumber } = (await call(address, 'GET', project)) as { projectNumber: string };
  const member = `serviceAccount:service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`;
  const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
  const policy = { bindings: [{ role, members: [member] }] };
  await call(address, 'POST', `${key}:setIamPolicy`, { policy });
  const names: string[] = [];
  for (let n = 0; n < topics; n++) {
    const topic = `${project}/topics/revoked-${String(n)}`;
    await call(address, 'PUT', topic, { kmsKeyName: key });
    // One is read all the time, in the other something always waits.
    for (const kind of ['revoked', 'waiting']) {
      const subscription = `${project}/subscriptions/${kind}-${String(n)}`;
      await call(address, 'PUT', subscription, { topic, ackDeadlineSeconds: 60 });
    }
    names.push(topic);
  }
  return names;
}

async function order(server: SealpostServer, state: string): Promise<{ atMs: number; ms: number }> {
  const startMs = clock.monotonicMs();
  const url = `http://${server.address}/v1/${version}?updateMask=state`;
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'PATCH', headers, body: JSON.stringify({ state }) });
  await response.text();
  const atMs = clock.monotonicMs();
  if (!response.ok) throw new Error(`the order was answered with ${String(response.status)}`);
  return { atMs, ms: atMs - startMs };
}

async function round(
  server: SealpostServer,
  publisher: Publisher,
  subscribers: readonly Subscriber[],
  openWaiting: () => Subscriber[],
): Promise<Round> {
  const delivered = (): number => subscribers.reduce((sum, each) => sum + each.deliveredCount, 0);
  const before = { published: publisher.publishedCount, delivered: delivered() };
  const startMs = clock.monotonicMs();
  await pause(steadyMs);
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  const publishedPerSecond = (publisher.publishedCount - before.published) / seconds;
  const deliveredPerSecond = (delivered() - before.delivered) / seconds;
  const ends = subscribers.map(({ endCount }) => endCount);
  const disabled = await order(server, 'DISABLED');
  await pause(quietMs);
  const after = subscribers.map(({ lastDeliveryMs }) => lastDeliveryMs - disabled.atMs);
  const endedStreams = subscribers.filter(({ endCount }, i) => endCount > ends[i]!).length;
  const lastPublishMs = Math.max(0, publisher.lastSuccessMs - disabled.atMs);
  const waiting = openWaiting();
  const enabled = await order(server, 'ENABLED');
  for (let waited = 0; waited < 300; waited++) {
    if (waiting.every(({ firstDeliveryMs }) => firstDeliveryMs !== null)) break;
    await pause(100);
  }
  for (const each of waiting) each.close();
  const firsts = waiting.map(({ firstDeliveryMs }) => (firstDeliveryMs ?? Infinity) - enabled.atMs);
  return {
    publishedPerSecond,
    deliveredPerSecond,
    orderMs: disabled.ms,
    lastDeliveriesMs: after.map((ms) => Math.max(0, ms)),
    lastPublishMs,
    endedStreams,
    firstDeliveriesMs: firsts,
  };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!;
}

const figure = (ms: number): string => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0));

function tableOf(rounds: readonly Round[], { topics }: Plan): string {
  const row = (name: string, each: Round): string =>
    `| ${name} | ${Math.round(each.publishedPerSecond)} | ${Math.round(each.deliveredPerSecond)} | ` +
    `${figure(each.orderMs)} | ${figure(percentile(each.lastDeliveriesMs, 0.5))} | ` +
    `${figure(percentile(each.lastDeliveriesMs, 0.99))} | ${figure(Math.max(...each.lastDeliveriesMs))} | ` +
    `${figure(each.lastPublishMs)} | ${each.endedStreams} of ${topics} | ` +
    `${figure(percentile(each.firstDeliveriesMs, 0.5))} | ${figure(percentile(each.firstDeliveriesMs, 0.99))} |`;
  return [
    '| round | in /s | out /s | order, ms | last byte p50 | p99 | max | last publish | streams ended | enabled to first waiting p50 | p99 |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
    ...rounds.map((each, i) => row(String(i + 1), each)),
  ].join('\n');
}

async function measure(plan: Plan, directory: string): Promise<readonly Round[]> {
  const server = await startSealpost({ directory });
  try {
    console.log(`${String(plan.topics)} topics under one key`);
    const topics = await setUp(server, plan.topics);
    const open = (): Promise<GrpcChannel> => GrpcChannel.open(server.address);
    const channels = await Promise.all(Array.from({ length: connectionCount }, open));
    const publishing = await Promise.all([open(), open()]);
    const subscribers = topics.map((topic, i) => {
      const channel = channels[i % channels.length]!;
      return new Subscriber(channel, topic.replace('/topics/', '/subscriptions/'), clock, 1000);
    });
    const openWaiting = (): Subscriber[] =>
      topics.map((topic, i) => {
        const name = topic.replace('/topics/revoked', '/subscriptions/waiting');
        const each = new Subscriber(channels[i % channels.length]!, name, clock, 1);
        each.open();
        return each;
      });
    for (const each of subscribers) each.open();
    const load = { perSecond: plan.rate, batch: 100, bytes: 1024 };
    const publisher = new Publisher(publishing, topics, clock, load);
    publisher.start();
    // Each topic's first DEK is made by its first publish.
    await pause((plan.topics / (plan.rate / 100)) * 1000 + steadyMs);
    const rounds: Round[] = [];
    for (let n = 0; n < plan.rounds; n++) {
      rounds.push(await round(server, publisher, subscribers, openWaiting));
      console.log(
        tableOf([rounds.at(-1)!], plan)
          .split('\n')
          .at(-1),
      );
    }
    publisher.stop();
    for (const each of subscribers) each.close();
    for (const channel of [...channels, ...publishing]) channel.close();
    console.log(`a refusal: ${publisher.lastRefusal}`);
    return rounds;
  } finally {
    await server.stop();
  }
}

function planOf(argv: readonly string[]): (Plan & { readonly writesResults: boolean }) | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      topics: { type: 'string', default: '1000' },
      rate: { type: 'string', default: '25000' },
      rounds: { type: 'string', default: '5' },
      'no-results': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  return {
    topics: whole(values.topics, 'topics', 10_000),
    rate: whole(values.rate, 'rate', 200_000),
    rounds: whole(values.rounds, 'rounds', 100),
    writesResults: !values['no-results'],
  };
}

function whole(text: string, name: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= max) return value;
  throw new Error(`--${name} takes a whole number from 1 to ${String(max)}, not ${text}.`);
}

async function main(): Promise<void> {
  const plan = planOf(process.argv.slice(2));
  if (plan === null) return console.log(usage);
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-revocation-'));
  try {
    const rounds = await measure(plan, directory);
    const machine = describeMachine();
    const all = rounds.flatMap(({ lastDeliveriesMs }) => lastDeliveriesMs);
    const verdict = `Disabled to last delivered byte, all rounds and topics: p99 ${figure(percentile(all, 0.99))} ms, longest ${figure(Math.max(...all))} ms.`;
    console.log(`\n${tableOf(rounds, plan)}\n\n${verdict}`);
    if (!plan.writesResults) return;
    const folder = join(import.meta.dirname, '..', 'results');
    mkdirSync(folder, { recursive: true });
    const day = new Date(clock.wallMs()).toISOString().slice(0, 10);
    const text = `# Revocation under load\n\n${String(plan.topics)} topics, ${String(plan.rate)} messages a second of 1 KiB in batches of 100; ${JSON.stringify(machine)}\n\n${tableOf(rounds, plan)}\n\n${verdict}\n`;
    writeFileSync(join(folder, `${day}-revocation.md`), text);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
