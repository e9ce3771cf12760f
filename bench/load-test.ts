/**
 * Load on one REST surface by autocannon, with its own report: the npm scripts `load:*`.
 *
 * Loopback only, and bounded: at most 60 seconds and 1,000 connections.
 */
import { parseArgs } from 'node:util';

import autocannon from 'autocannon';

import { payloads } from './jobs/payloads.ts';
import { call, createResources, type Resources } from './scenarios/resources.ts';

const usage = `Usage: npm run load:SCENARIO [-- --server URL --seconds N --connections N]

Scenarios: publish publish-batch pull get health metrics
A server must be running: npm start`;

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
  throw new Error(`--${name} takes a whole number from 1 to ${String(max)}, not ${text}.`);
}

function addressOf(text: string): string {
  const url = new URL(text);
  if (!loopback.has(url.hostname)) throw new Error(`Load goes to loopback only, not ${url.host}.`);
  return url.host;
}

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      server: { type: 'string', default: 'http://127.0.0.1:8085' },
      seconds: { type: 'string', default: '10' },
      connections: { type: 'string', default: '64' },
    },
  });
  const chosen = loads[positionals[0] ?? ''];
  if (chosen === undefined) throw new Error(usage);
  const address = addressOf(values.server);
  const duration = bounded(values.seconds, 'seconds', secondsMax);
  const connections = bounded(values.connections, 'connections', connectionsMax);
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
  process.exitCode = 1;
}
