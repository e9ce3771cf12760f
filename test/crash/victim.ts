/**
 * The real server as the kill harness runs it: the same composition, with failpoints that kill the
 * process, a clock that runs faster and a journal of all that was handed to the store. What it is
 * to do comes by its arguments (VictimOrders as JSON); `arm` on standard input arms the kill.
 */
import { createHash } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseConfig } from '../../src/config/index.ts';
import { systemEntropy } from '../../src/crypto/index.ts';
import type { Entropy, FailpointName } from '../../src/runtime/index.ts';
import { startServer } from '../../src/server.ts';
import type { Append, Store } from '../../src/storage/index.ts';
import { FastClock } from './fast-clock.ts';
import type { VictimOrders } from './victim-orders.ts';

const orders = JSON.parse(process.argv[2] ?? '') as VictimOrders;
const journal = openSync(orders.journal, 'a', 0o600);
// A write to a file outlives a SIGKILL: the kernel has it when the call returns.
const note = (...words: (string | number)[]): void =>
  void writeSync(journal, `${words.join(' ')}\n`);

let isArmed = orders.isArmedAtStart;
let hits = 0;

function failpoint(name: FailpointName): void {
  if (!isArmed || name !== orders.failpoint) return;
  hits++;
  if (hits < orders.hit) return;
  note('killed', name, hits);
  process.kill(process.pid, 'SIGKILL');
}

/** Keys are the only draws of 32 bytes that the server keeps: the harness looks for them on disk. */
function notedEntropy(inner: Entropy): Entropy {
  return {
    fill(bytes) {
      inner.fill(bytes);
      if (bytes.length === 32) note('key', Buffer.from(bytes).toString('hex'));
    },
  };
}

function noteAppends(ops: readonly Append[]): void {
  for (const { id, log, at, epoch, count, timeMs, kind, body } of ops) {
    const digest = createHash('sha256').update(body).digest('hex');
    note('append', Buffer.from(id).toString('hex'), log, at, epoch, count, timeMs, kind, digest);
  }
}

/** A store that answers `ok` when it has only begun: what the harness must notice. */
function answeredEarly(store: Store, ops: readonly Append[]): ReturnType<Store['commit']> {
  store.commit(ops).catch(() => undefined);
  return Promise.resolve(ops.map(() => 'ok' as const));
}

function wrapStore(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'commit') {
        return (ops: readonly Append[]) => {
          noteAppends(ops);
          return orders.answersEarly ? answeredEarly(target, ops) : target.commit(ops);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

const spoken = createInterface({ input: process.stdin });
spoken.on('line', (line) => {
  if (line === 'arm') isArmed = true;
});
// A harness that is gone leaves no victim behind.
spoken.once('close', () => process.exit(1));

const argv = ['--port', '0', '--data-dir', orders.dataDir, '--log-level', 'warn'];
const server = await startServer(parseConfig(argv, {}), {
  clock: new FastClock(orders.speed, orders.epochMs),
  entropy: notedEntropy(systemEntropy()),
  failpoints: failpoint,
  wrapStore,
});
process.once('SIGTERM', () => {
  void server.stop().then(() => process.exit(0));
});
console.log(`Sealpost is ready at ${server.url}`);
