import { resolve } from 'node:path';
import type { Clock } from '../../runtime/index.ts';
import { startBroker, type DemoBroker } from './broker-process.ts';
import type { DemoOptions } from './demo-options.ts';
import { answers } from './rest-client.ts';
import type { Screen } from './screen.ts';

/** The running broker if one answers, else one of our own; says which. */
export async function chooseBroker(
  options: DemoOptions,
  screen: Screen,
  clock: Clock,
): Promise<DemoBroker> {
  screen.title('Broker');
  const { url, isUrlGiven, mustStart } = options;
  if (!mustStart && (await answers(url))) {
    screen.fact(`Uses the broker that answers at ${url}.`);
    const dataDir = resolve(options.dataDir);
    return { url, directories: [dataDir, `${dataDir}-keys`], stop: () => Promise.resolve() };
  }
  if (isUrlGiven) {
    throw new Error(`No broker answers at ${url}. Start one with: npm start`);
  }
  if (!mustStart) screen.fact(`No broker answers at ${url} (npm start would start one there).`);
  const broker = await startBroker(clock);
  screen.fact(`Started one at ${broker.url}; its files are in ${broker.directories[0]!}`);
  screen.fact('and go with it when the demo ends.');
  return broker;
}
