import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { afterEach, describe, expect, test } from 'vitest';

import { freePort } from '../../bench/servers/program.ts';
import { parseConfig } from '../../src/config/index.ts';
import { silentLogger, type Logger } from '../../src/runtime/index.ts';
import { startServer, type Server } from '../../src/server.ts';
import type { Store } from '../../src/storage/index.ts';
import { DeclarativeBench, restApi } from '../support/declarative-bench.ts';
import { SealpostProcess } from '../support/server-process.ts';

const noUrl = (): string => '';
let bench = new DeclarativeBench(noUrl);
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  bench.remove();
  bench = new DeclarativeBench(noUrl);
});

interface Started {
  readonly text: string;
  readonly port?: number;
  readonly log?: Logger;
  readonly wrapStore?: (store: Store) => Store;
}

async function start({ text, port = 0, ...ports }: Started): Promise<Server> {
  const file = bench.write('sealpost.yaml', text);
  const argv = ['--port', String(port), '--data-dir', bench.path('data'), '--drain-seconds', '1'];
  const config = parseConfig([...argv, '--config', file], {});
  const server = await startServer(config, { log: silentLogger, ...ports });
  servers.push(server);
  return server;
}

/** The messages and fields of what is logged at info. */
function recorder(): { readonly log: Logger; readonly names: () => unknown[] } {
  const lines: { readonly name?: unknown }[] = [];
  const log = { ...silentLogger, info: (fields: object) => void lines.push(fields) } as Logger;
  return { log, names: () => lines.flatMap(({ name }) => (name === undefined ? [] : [name])) };
}

const text = `
projects:
  shop:
    topics: {orders: {labels: {a: b}}}
    subscriptions: {kitchen: {topic: orders}}
`;

describe('serve --config', () => {
  test('has everything there once it is started, and does nothing again', async () => {
    const first = recorder();
    const server = await start({ text, log: first.log });
    const api = restApi(() => server.url);
    expect(await api({ method: 'GET', path: 'projects/shop/subscriptions/kitchen' })).toMatchObject(
      {
        topic: 'projects/shop/topics/orders',
      },
    );
    expect(first.names()).toEqual([
      'projects/shop/topics/orders',
      'projects/shop/subscriptions/kitchen',
    ]);
    await servers.pop()!.stop();
    const second = recorder();
    await start({ text, log: second.log });
    expect(second.names()).toEqual([]);
  });

  test('is not ready before everything is there', async () => {
    const port = await freePort();
    const gate = new Gate();
    // Closed once the topic is there: the subscription is on its way to the disk.
    const log = { ...silentLogger, info: () => gate.close() } as Logger;
    const wrapStore = (store: Store): Store => gate.before(store);
    const starting = start({ text, port, log, wrapStore });
    await Promise.race([gate.reached, starting]);
    const readyz = `http://127.0.0.1:${port}/readyz`;
    expect((await fetch(readyz)).status).toBe(503);
    gate.open();
    await starting;
    expect((await fetch(readyz)).status).toBe(200);
  });

  test('refuses a bad file with its lines, before anything is opened', async () => {
    const bad = 'projects:\n  shop:\n    topics: {orders: {labels: {a: 1}}}\n';
    const file = bench.write('bad.yaml', bad);
    const data = bench.path('data');
    const flags = ['--port', '0', '--data-dir', data, '--config', file];
    const ended = await new SealpostProcess(['serve', ...flags]).ended;
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).toBe(
      `--config ${file} cannot be applied:\n` +
        `${file}:3:35: projects.shop.topics.orders.labels.a: must be a text: write "1"\n`,
    );
    expect(existsSync(data)).toBe(false);
  });

  test('refuses names of nothing with their lines, and leaves nothing open', async () => {
    const lost = 'projects: {shop: {subscriptions: {lost: {topic: nowhere}}}}';
    await expect(start({ text: lost })).rejects.toThrow(
      /^--config .* cannot be applied:\n.*:1:49: projects\.shop\.subscriptions\.lost\.topic: names projects\/shop\/topics\/nowhere/,
    );
    // The directory is free again.
    await start({ text });
  });

  test('refuses what its server would not take before anything is made', async () => {
    const made = recorder();
    const wrong = text.replace(
      '    topics:',
      '    accounts: {cashier: {roles: [roles/own]}}\n    topics:',
    );
    await expect(start({ text: wrong, log: made.log })).rejects.toThrow(
      /^--config .* cannot be applied:\n.*: projects\.shop\.accounts\.cashier\.roles\.0: roles\/own is no role/,
    );
    expect(made.names()).toEqual([]);
  });

  test('stops the start at a step that fails, and the next start goes on', async () => {
    // Without a role of Pub/Sub's agent on the key.
    const failing = text
      .replace('    topics:', '    keyRings: {none: {keys: {such: }}}\n    topics:')
      .replace('labels: {a: b}', 'kmsKeyName: none/such')
      .replace('orders:', 'first: , orders:');
    await expect(start({ text: failing })).rejects.toThrow(
      /create topic projects\/shop\/topics\/orders failed: .* Steps after it, not tried: 1\./,
    );
    const next = recorder();
    await start({ text: text.replace('orders:', 'first: , orders:'), log: next.log });
    expect(next.names()).toEqual([
      'projects/shop/topics/orders',
      'projects/shop/subscriptions/kitchen',
    ]);
  });

  test('makes an account and its credentials file, for its owner alone', async () => {
    const accounts = 'projects: {shop: {accounts: {waiter: {keyFile: keys/waiter.json}}}}';
    const server = await start({ text: accounts });
    const file = bench.path('keys/waiter.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const made = await readFile(file, 'utf8');
    expect(JSON.parse(made)).toMatchObject({
      type: 'service_account',
      client_email: 'waiter@shop.iam.gserviceaccount.com',
      token_uri: `${server.url}/token`,
    });
    await servers.pop()!.stop();
    await start({ text: accounts });
    expect(await readFile(file, 'utf8')).toBe(made);
  });
});

/** Holds what is about to be written, once it is closed. */
class Gate {
  readonly #reached = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();
  #isClosed = false;

  /** Resolves when something waits at it. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  close(): void {
    this.#isClosed = true;
  }

  open(): void {
    this.#opened.resolve();
  }

  before(store: Store): Store {
    const txn: Store['meta']['txn'] = async (...given) => {
      if (this.#isClosed) {
        this.#reached.resolve();
        await this.#opened.promise;
      }
      return await store.meta.txn(...given);
    };
    const meta = replaced(store.meta, { txn });
    return replaced(store, { meta });
  }
}

/** An object with some of its members replaced, the others as they are. */
function replaced<Whole extends object>(whole: Whole, members: Partial<Whole>): Whole {
  return new Proxy(whole, {
    get(target, name) {
      if (name in members) return members[name as keyof Whole];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
