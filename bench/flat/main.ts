import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SystemClock } from '../../src/runtime/index.ts';
import { describeMachine, type Machine } from '../machine.ts';
import { startSealpost, type SealpostServer } from '../servers/sealpost.ts';
import { charts } from './chart.ts';
import { curveTable, type Curve } from './curve.ts';
import {
  featuresCurve,
  keysCurve,
  sizesCurve,
  subscriptionsCurve,
  topicsCurve,
  waitingCurve,
  type Reach,
  type Site,
} from './curves.ts';
import { House, type Extent } from './house.ts';

const usage = `Usage: npm run bench:flat [-- [CURVE...] [OPTIONS]]

How costs move while something grows. Curves: topics subscriptions waiting keys sizes features
(default: all)

  --keys-max N     distinct ordering keys at the last point [1000000]
  --waiting-max N  messages waiting at the last point [10000000]
  --seconds N      measured seconds of one publish [3]
  --no-results     write no results file
  --smoke          every curve as short as possible
  --help           this text`;

const curves: Readonly<Record<string, (site: Site) => Promise<Curve>>> = {
  topics: topicsCurve,
  subscriptions: subscriptionsCurve,
  waiting: waitingCurve,
  keys: keysCurve,
  sizes: sizesCurve,
  features: featuresCurve,
};

const clock = new SystemClock();

interface Plan {
  readonly names: readonly string[];
  readonly extent: Extent;
  readonly reach: Reach;
  readonly writesResults: boolean;
}

/** Null when help was asked for. Throws a sentence for what it does not understand. */
function planOf(argv: readonly string[]): Plan | null {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      'keys-max': { type: 'string', default: '1000000' },
      'waiting-max': { type: 'string', default: '10000000' },
      seconds: { type: 'string', default: '3' },
      'no-results': { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  for (const name of positionals) {
    if (!(name in curves)) throw new Error(`There is no curve ${name}.`);
  }
  const names = positionals.length > 0 ? positionals : Object.keys(curves);
  if (values.smoke) return { names, ...smoke, writesResults: false };
  const upTo = (steps: readonly number[], max: number): number[] => [
    ...steps.filter((step) => step < max),
    max,
  ];
  return {
    names,
    extent: {
      seconds: whole(values.seconds, 'seconds', 60),
      drainCount: 100_000,
      isSmoke: false,
    },
    reach: {
      topics: [1, 100, 10_000],
      subscriptions: [1, 10, 1000],
      waiting: upTo([0, 10_000, 1_000_000], whole(values['waiting-max'], 'waiting-max', 1e8)),
      keys: upTo([10_000, 100_000, 1_000_000], whole(values['keys-max'], 'keys-max', 1e8)),
      bytes: [64, 1024, 16_384, 262_144, 1_000_000, 9_900_000],
      repetitions: 3,
    },
    writesResults: !values['no-results'],
  };
}

const smoke = {
  extent: { seconds: 0.3, drainCount: 500, isSmoke: true },
  reach: {
    topics: [1, 3],
    subscriptions: [1, 3],
    waiting: [0, 1000],
    keys: [200],
    bytes: [64, 1_000_000],
    repetitions: 1,
  },
} as const;

function whole(text: string, name: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= max) return value;
  throw new Error(`--${name} takes a whole number from 1 to ${String(max)}, not ${text}.`);
}

/** The servers of a run, one for each curve, over directories that go with it. */
class Servers implements Site, AsyncDisposable {
  readonly reach: Reach;
  readonly #extent: Extent;
  readonly #directory = mkdtempSync(join(tmpdir(), 'sealpost-flat-'));
  readonly #running = new Map<string, SealpostServer>();

  constructor({ reach, extent }: Plan) {
    this.reach = reach;
    this.#extent = extent;
  }

  say(line: string): void {
    console.log(line);
  }

  async house(name: string): Promise<House> {
    const server = await this.#start(name);
    // It goes on under another port after a restart: the house asks for it anew.
    const running = this.#running;
    const current = {
      name: server.name,
      get address() {
        return running.get(name)!.address;
      },
      get port() {
        return running.get(name)!.port;
      },
      get pid() {
        return running.get(name)!.pid;
      },
      stop: async () => await running.get(name)!.stop(),
    };
    return new House(current, this.#extent);
  }

  async restart(name: string): Promise<number> {
    await this.#running.get(name)?.stop();
    const startMs = clock.monotonicMs();
    await this.#start(name);
    return (clock.monotonicMs() - startMs) / 1000;
  }

  async #start(name: string): Promise<SealpostServer> {
    const server = await startSealpost({ directory: join(this.#directory, name) });
    this.#running.set(name, server);
    return server;
  }

  /** One curve's server must not cost the next anything. */
  async stop(name: string): Promise<void> {
    await this.#running.get(name)?.stop();
    rmSync(join(this.#directory, name), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#running.values()) await server.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function measured(plan: Plan): Promise<Curve[]> {
  await using servers = new Servers(plan);
  const found: Curve[] = [];
  for (const name of plan.names) {
    found.push(await curves[name]!(servers));
    await servers.stop(name);
  }
  return found;
}

function page(found: readonly Curve[], machine: Machine, argv: readonly string[]): string {
  const date = new Date(clock.wallMs()).toISOString().slice(0, 10);
  return [
    `# How costs move, ${date}`,
    '',
    `Commit ${machine.commit}${machine.isModified ? ' with uncommitted changes' : ''},`,
    `\`${['npm run bench:flat --', ...argv].join(' ')}\`. ${String(machine.cores)} cores (${machine.model}),`,
    `${String(machine.memoryGiB)} GiB, ${machine.system}, Node ${machine.node}, ${machine.disk}.`,
    'Medians; the last line is the worst point against the first, 1 is flat.',
    '',
    ...found.map(curveTable),
  ].join('\n');
}

async function main(argv: readonly string[]): Promise<void> {
  const plan = planOf(argv);
  if (plan === null) {
    console.log(usage);
    return;
  }
  const found = await measured(plan);
  const machine = describeMachine();
  const text = page(found, machine, argv);
  console.log(`\n${text}`);
  if (!plan.writesResults) return;
  const date = new Date(clock.wallMs()).toISOString().slice(0, 10);
  const name = `${date}-${machine.commit}-flat`;
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(join('bench/results', `${name}.md`), `${text}\n![The curves](${name}.svg)\n`);
  writeFileSync(join('bench/results', `${name}.svg`), charts(found));
  writeFileSync(join('bench/results', `${name}.json`), `${JSON.stringify(found, null, 2)}\n`);
  console.log(`Written to bench/results/${name}.md`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
