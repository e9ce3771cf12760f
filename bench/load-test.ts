/**
 * Load on one REST surface by autocannon, with its own report: the npm scripts `load:*`.
 *
 * Loopback only, and bounded: at most 60 seconds and 1,000 connections.
 */
import { parseArgs } from 'node:util';

import autocannon from 'autocannon';

import { payloads } from './jobs/payloads.ts';
import { call, createResources, type Resources } from './scenarios/resources.ts';

const usage = `Usage: npm run load:SCENARIO [-- OPTIONS]

Scenarios: publish publish-batch pull get health metrics
A server must be running: npm start

  --server URL      the server, on loopback [http://127.0.0.1:8085]
  --seconds N       how long, at most 60 [10]
  --connections N   how many at once, at most 1000 [64]
  --help            this text`;

/** The command line is wrong: its reason, then how to use it. */
class Misuse extends Error {}

const secondsMax = 60;
const connectionsMax = 1000;
const loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);

interface Load {
  readonly method: 'GET' | 'POST';
  readonly path: (resources: Resources) => string;
  readonly body?: () => object;
  /** What has to be there before. */
  readonly prepare?: (address: string, resources: Resources) => Promise<unknown>;
}

const messageBytes = 1024;
const publishBody = (count: number) => (): object => ({
  messages: payloads(count, messageBytes).map((data) => ({ data: data.toString('base64') })),
});

const loads: Readonly<Record<string, Load>> = {
  publish: {
    method: 'POST',
    path: ({ topic }) => `/v1/${topic}:publish`,
    body: publishBody(1),
  },
  'publish-batch': {
    method: 'POST',
    path: ({ topic }) => `/v1/${topic}:publish`,
    body: publishBody(100),
  },
  pull: {
    method: 'POST',
    path: ({ subscription }) => `/v1/${subscription}:pull`,
    body: () => ({ maxMessages: 10, returnImmediately: true }),
    prepare: (address, { topic }) =>
      Promise.all(
        Array.from({ length: 100 }, () =>
          call(address, 'POST', `${topic}:publish`, publishBody(100)()),
        ),
      ),
  },
  get: { method: 'GET', path: ({ topic }) => `/v1/${topic}` },
  health: { method: 'GET', path: () => '/healthz' },
  metrics: { method: 'GET', path: () => '/metrics' },
};

function bounded(text: string, name: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Misuse(`--${name} takes a whole number from 1 to ${String(max)}, not ${text}.`);
}

function addressOf(text: string): string {
  const url = URL.parse(text);
  if (url === null) throw new Misuse(`--server takes a URL, not ${text}.`);
  if (!loopback.has(url.hostname)) throw new Misuse(`Load goes to loopback only, not ${url.host}.`);
  return url.host;
}

const flags = {
  server: { type: 'string', default: 'http://127.0.0.1:8085' },
  seconds: { type: 'string', default: '10' },
  connections: { type: 'string', default: '64' },
  help: { type: 'boolean', default: false },
} as const;

interface LoadOptions {
  readonly load: Load;
  readonly address: string;
  readonly duration: number;
  readonly connections: number;
}

/** Null when help was asked for. */
function parseOptions(argv: readonly string[]): LoadOptions | null {
  const { values, positionals } = parsedArgs(argv);
  if (values.help) return null;
  const [name = '', extra] = positionals;
  const load = Object.hasOwn(loads, name) ? loads[name] : undefined;
  if (load === undefined) throw new Misuse(name ? `There is no scenario ${name}.` : 'No scenario.');
  if (extra !== undefined) throw new Misuse(`One scenario at a time: ${extra} is one too many.`);
  return {
    load,
    address: addressOf(values.server),
    duration: bounded(values.seconds, 'seconds', secondsMax),
    connections: bounded(values.connections, 'connections', connectionsMax),
  };
}

function parsedArgs(
  argv: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof flags; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: flags });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // Node goes on with advice on positional arguments.
    throw new Misuse(reason.split('. ', 1)[0]);
  }
}

async function main(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv);
  if (options === null) {
    console.log(usage);
    return;
  }
  const { load: chosen, address, duration, connections } = options;
  const resources = await createResources(address, `load-${String(process.pid)}`);
  try {
    await chosen.prepare?.(address, resources);
    const run = autocannon({
      url: `http://${address}${chosen.path(resources)}`,
      method: chosen.method,
      duration,
      connections,
      headers: { 'content-type': 'application/json' },
      ...(chosen.body === undefined ? {} : { body: JSON.stringify(chosen.body()) }),
    });
    autocannon.track(run, { renderProgressBar: process.stderr.isTTY });
    const { non2xx, errors, timeouts } = await run;
    const failedCount = non2xx + errors + timeouts;
    if (failedCount > 0) throw new Error(`${String(failedCount)} requests failed.`);
  } finally {
    await resources.remove();
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  const isMisuse = error instanceof Misuse;
  if (isMisuse) console.error(`\n${usage}`);
  process.exitCode = isMisuse ? 2 : 1;
}
