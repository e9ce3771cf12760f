import { readdirSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { parseConfig, type ServerConfig } from '../../src/config/index.ts';
import { silentLogger, SystemClock, type Cancel } from '../../src/runtime/index.ts';
import { startServer } from '../../src/server.ts';
import { temporaryFolder } from '../support/server-process.ts';

/** The real clock, and what is still to come. */
class CountingClock extends SystemClock {
  readonly pending: Set<() => void> = new Set();

  override schedule(atMs: number, run: () => void): Cancel {
    this.pending.add(run);
    const cancel = super.schedule(atMs, () => {
      this.pending.delete(run);
      run();
    });
    return () => {
      this.pending.delete(run);
      cancel();
    };
  }
}

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const configFor = (port: number): ServerConfig =>
  parseConfig(['--port', String(port), '--data-dir', join(folder.path, 'data')], {});

async function takePort(): Promise<{ other: Server; port: number }> {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  return { other, port: (other.address() as AddressInfo).port };
}

test('a first start that finds its port taken makes no data directory and no key', async () => {
  const { other, port } = await takePort();
  await expect(startServer(configFor(port), { log: silentLogger })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
  expect(readdirSync(folder.path)).toEqual([]);
  await new Promise((resolve) => other.close(resolve));
});

test('a start that finds its port taken leaves nothing behind that runs', async () => {
  await (await startServer(configFor(0), { log: silentLogger })).stop();
  const { other, port } = await takePort();
  const clock = new CountingClock();
  await expect(startServer(configFor(port), { clock, log: silentLogger })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
  expect(clock.pending.size).toBe(0);
  await new Promise((resolve) => other.close(resolve));
  // The lock is released, and the keys are where they were.
  await (await startServer(configFor(port), { log: silentLogger })).stop();
});
