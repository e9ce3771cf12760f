import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Names of scenarios; empty: all. */
  readonly scenarios: readonly string[];
  /** Measured seconds of one repetition. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly repetitions: number;
  readonly messageBytes: number;
  /** Waiting messages that a drain begins with. */
  readonly drainCount: number;
  /** The same for the emulator, which hands out some two thousand a second. */
  readonly emulatorDrainCount: number;
  /** Sessions at once, where a scenario has many. */
  readonly connections: number;
  /** Messages that are published once and delivered to each of them. */
  readonly fanoutCount: number;
  /** Waiting messages that are pushed. */
  readonly pushCount: number;
  /** Messages that wait while the server starts. */
  readonly readyMessages: number;
  readonly readySubscriptions: number;
  /** Single publishes before the bytes on disk are counted. */
  readonly diskMessages: number;
  /** Sealpost alone, everything as short as it can be: does the bench itself still work? */
  readonly isSmoke: boolean;
  /** Where the server under measurement writes its CPU profile, if anywhere. */
  readonly profileDirectory?: string;
  /** Where the results file goes; null: nowhere. */
  readonly resultsDirectory: string | null;
}

export const benchUsage = `Usage: npm run bench [-- [SCENARIO...] [OPTIONS]]

Scenarios: publish-one publish-batch drain websocket-one websocket-batch websocket-drain
           websocket-fanout push latency ready disk (default: all)

  --seconds N              measured seconds of one repetition [5]
  --repetitions N          interleaved repetitions; the median is reported [3]
  --drain-messages N       messages that wait before a drain [200000]
  --ready-messages N       messages that wait while the server starts [1000000]
  --disk-messages N        single publishes before bytes on disk are counted [200000]
  --profile DIR            write the server's CPU profiles there (node --cpu-prof)
  --no-results             write no results file
  --smoke                  Sealpost only, each scenario as short as possible
  --help                   this text`;

const flags = {
  seconds: { type: 'string', default: '5' },
  repetitions: { type: 'string', default: '3' },
  'drain-messages': { type: 'string', default: '200000' },
  'ready-messages': { type: 'string', default: '1000000' },
  'disk-messages': { type: 'string', default: '200000' },
  profile: { type: 'string' },
  'no-results': { type: 'boolean', default: false },
  smoke: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** Null when help was asked for. Throws a sentence for what it does not understand. */
export function parseOptions(
  argv: readonly string[],
  scenarioNames: readonly string[],
): BenchOptions | null {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: flags,
    allowPositionals: true,
  });
  if (values.help) return null;
  for (const name of positionals) {
    if (!scenarioNames.includes(name)) throw new Error(`There is no scenario ${name}.`);
  }
  const common = {
    scenarios: positionals,
    messageBytes: 1024,
    ...(values.profile === undefined ? {} : { profileDirectory: values.profile }),
  };
  if (values.smoke) return { ...common, ...smoke };
  return {
    ...common,
    seconds: number(values.seconds, 'seconds', 3600),
    warmupSeconds: 1,
    repetitions: number(values.repetitions, 'repetitions', 100),
    drainCount: number(values['drain-messages'], 'drain-messages', 1e7),
    emulatorDrainCount: 20_000,
    connections: 1000,
    fanoutCount: 200,
    pushCount: 50_000,
    readyMessages: number(values['ready-messages'], 'ready-messages', 1e8),
    readySubscriptions: 1000,
    diskMessages: number(values['disk-messages'], 'disk-messages', 1e8),
    isSmoke: false,
    resultsDirectory: values['no-results'] ? null : 'bench/results',
  };
}

const smoke = {
  seconds: 0.3,
  warmupSeconds: 0.1,
  repetitions: 1,
  drainCount: 1000,
  emulatorDrainCount: 1000,
  connections: 60,
  fanoutCount: 5,
  pushCount: 500,
  readyMessages: 5000,
  readySubscriptions: 20,
  diskMessages: 1000,
  isSmoke: true,
  resultsDirectory: null,
} as const;

function number(text: string, name: string, max: number): number {
  const value = Number(text);
  if (value > 0 && value <= max) return value;
  throw new Error(`--${name} takes a number from 1 to ${String(max)}, not ${text}.`);
}
