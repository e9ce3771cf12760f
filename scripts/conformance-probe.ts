/** Whether a server of Pub/Sub still answers at all, over each way to call it. */
import { SystemClock } from '../src/runtime/index.ts';
import { GrpcWire } from '../test/support/grpc-wire.ts';
import { CallRefusal, RestWire, type Wire } from '../test/support/wire.ts';

const clock = new SystemClock();
let serial = 0;

/** A message through a new topic: what no server may take long for. */
async function passMessage(wire: Wire): Promise<void> {
  const project = `projects/probe-${process.pid}-${++serial}-${wire.name.toLowerCase()}`;
  const [topic, subscription] = [`${project}/topics/probe`, `${project}/subscriptions/probe`];
  await wire.call('CreateTopic', { name: topic });
  await wire.call('CreateSubscription', { name: subscription, topic });
  await wire.call('Publish', { topic, messages: [{ data: 'cHJvYmU=' }] });
  await wire.call('Pull', { subscription, maxMessages: 1 });
  await wire.call('DeleteSubscription', { subscription });
  await wire.call('DeleteTopic', { topic });
}

/** A refusal is an answer too, unless it says that nobody is there. */
const isAnswer = (error: unknown): boolean =>
  error instanceof CallRefusal && error.code !== 'UNAVAILABLE';

async function answersWithin(wire: Wire, seconds: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const cancel = clock.schedule(clock.monotonicMs() + seconds * 1000, () => late.resolve(false));
  const passed = passMessage(wire).then(() => true, isAnswer);
  try {
    return await Promise.race([passed, late.promise]);
  } finally {
    cancel();
    wire.close();
  }
}

/** The names of the wires over which nothing came in that time. */
export async function silentWires(address: string, seconds: number): Promise<string[]> {
  const wires = [new GrpcWire(() => address), new RestWire(() => `http://${address}`)];
  const answers = await Promise.all(wires.map((wire) => answersWithin(wire, seconds)));
  return wires.filter((_, index) => answers[index] === false).map(({ name }) => name);
}
