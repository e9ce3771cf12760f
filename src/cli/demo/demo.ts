import { SystemClock, type Clock } from '../../runtime/index.ts';
import type { DemoBroker } from './broker-process.ts';
import { chooseBroker } from './choose-broker.ts';
import { demoUsage, parseDemoOptions, type DemoOptions } from './demo-options.ts';
import { diskAct } from './disk-act.ts';
import { expectedTally, readFlights, Tally } from './flights.ts';
import { GrpcClient } from './grpc-client.ts';
import { keyAct } from './key-act.ts';
import { Publisher } from './publisher.ts';
import { Receiver } from './receiver.ts';
import { createResources, removeResources, type DemoResources } from './resources.ts';
import { RestClient } from './rest-client.ts';
import { count, Screen, type DemoIo } from './screen.ts';
import { heldBackCount, type Session } from './session.ts';
import { streamAct, type StreamOutcome } from './stream-act.ts';

/** Runs the demo; 0 if every check held, 1 if one did not or something failed. */
export async function runDemo(argv: readonly string[], io: DemoIo): Promise<number> {
  const clock = new SystemClock();
  let broker: DemoBroker | undefined;
  try {
    const options = parseDemoOptions(argv);
    if (options === null) {
      io.stdout.write(`${demoUsage}\n`);
      return 0;
    }
    const screen = new Screen(io.stdout, clock);
    broker = await chooseBroker(options, screen, clock);
    return (await show(options, broker, screen, clock)) ? 0 : 1;
  } catch (error) {
    io.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await broker?.stop();
  }
}

async function show(
  options: DemoOptions,
  broker: DemoBroker,
  screen: Screen,
  clock: Clock,
): Promise<boolean> {
  const startMs = clock.monotonicMs();
  const rest = new RestClient(broker.url);
  const grpc = new GrpcClient(new URL(broker.url).host, clock);
  try {
    const flights = await readFlights(options.recordsMax);
    // Names of the past are taken: key rings are never deleted.
    const resources = await createResources(rest, clock.wallMs().toString(36));
    tell(screen, resources);
    const rows = flights.records.length;
    const expected = expectedTally(flights);
    const [first, second] = resources.subscriptions;
    const receivers = [
      new Receiver(grpc, first, new Tally(rows)),
      new Receiver(grpc, second, new Tally(rows)),
    ] as const;
    const publisher = new Publisher(grpc, rest, resources.topic, flights.records);
    const isRight = await playActs(
      { broker, clock, screen, rest, flights, expected, resources, publisher, receivers },
      { startMs, mustSearchDisk: options.mustSearchDisk },
    );
    for (const receiver of receivers) receiver.close();
    await removeResources(rest, resources);
    return isRight;
  } finally {
    grpc.close();
  }
}

function tell(screen: Screen, resources: DemoResources): void {
  screen.title('Key, topic, subscriptions');
  screen.fact(resources.key);
  screen.quote(
    'a topic under it, before the Pub/Sub service agent may use the key:',
    resources.refusalBeforeBinding,
  );
  screen.fact(`bound: ${resources.serviceAgent}`);
  for (const name of [resources.topic, ...resources.subscriptions]) screen.fact(name);
}

async function playActs(
  session: Session,
  play: { readonly startMs: number; readonly mustSearchDisk: boolean },
): Promise<boolean> {
  const total = session.flights.records.length;
  const rows = total - 2 * heldBackCount;
  const outcome = await streamAct(session, rows);
  const isSealed = !play.mustSearchDisk || (await diskAct(session, rows));
  const isObeyed = await keyAct(session, total);
  const isWhole = summarize(session, outcome, session.clock.monotonicMs() - play.startMs);
  return isSealed && isObeyed && isWhole;
}

/** Counts and checksums of both subscriptions against the data set's own. */
function summarize(session: Session, outcome: StreamOutcome, ms: number): boolean {
  const { screen, expected, receivers, publisher } = session;
  screen.title('Summary');
  let isWhole = true;
  for (const { name, tally } of receivers) {
    const isRight = tally.count === expected.count && tally.checksum === expected.checksum;
    isWhole &&= isRight;
    const twice = tally.duplicateCount > 0 ? `, ${count(tally.duplicateCount)} more than once` : '';
    screen.check(isRight, `${name}: ${count(tally.count)} records${twice}, ${tally.checksum}`);
  }
  screen.fact(`the data set: ${count(expected.count)} records, ${expected.checksum}`);
  const { grpcCount, restCount } = publisher;
  screen.fact(`published ${count(grpcCount)} over gRPC and ${count(restCount)} over REST`);
  const rate = outcome.rows / outcome.seconds;
  screen.fact(`${count(rate)} records/s in, twice that out, all sealed and durable`);
  screen.fact(`${(ms / 1000).toFixed(1)} s in all`);
  return isWhole;
}
