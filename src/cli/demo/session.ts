import type { Clock } from '../../runtime/index.ts';
import type { DemoBroker } from './broker-process.ts';
import type { Flights, Tally } from './flights.ts';
import type { Publisher } from './publisher.ts';
import type { Receiver } from './receiver.ts';
import type { DemoResources } from './resources.ts';
import type { RestClient } from './rest-client.ts';
import type { Screen } from './screen.ts';

/** Everything that the demo's acts share. */
export interface Session {
  readonly broker: DemoBroker;
  readonly clock: Clock;
  readonly screen: Screen;
  readonly rest: RestClient;
  readonly flights: Flights;
  readonly expected: Tally;
  readonly resources: DemoResources;
  readonly publisher: Publisher;
  /** One for each subscription. */
  readonly receivers: readonly [Receiver, Receiver];
}

/** Records that are held back until the key is gone and back again, twice this many. */
export const heldBackCount = 1000;

const tickMs = 100;

/** Waits until `isDone`, at most `secondsMax`; false if that was not enough. */
export async function until(
  clock: Clock,
  secondsMax: number,
  isDone: () => boolean,
  onTick: () => void = () => undefined,
): Promise<boolean> {
  const endMs = clock.monotonicMs() + secondsMax * 1000;
  while (!isDone()) {
    if (clock.monotonicMs() >= endMs) return false;
    await pause(clock, tickMs);
    onTick();
  }
  return true;
}

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.schedule(clock.monotonicMs() + ms, resolve));
}
