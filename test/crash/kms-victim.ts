/**
 * The real server as the campaign on the life of a key runs it: its failpoints kill the process, and
 * its clock jumps when it is told to. It obeys lines on standard input, and says when it has:
 * `arm FAILPOINT HIT` (counted from then on), `jump MS`.
 */
import { createInterface } from 'node:readline';
import { parseConfig } from '../../src/config/index.ts';
import type { FailpointName } from '../../src/runtime/index.ts';
import { startServer } from '../../src/server.ts';
import { JumpingClock } from '../support/jumping-clock.ts';
import type { KmsVictimOrders } from './kms-victim-orders.ts';

const orders = JSON.parse(process.argv[2] ?? '') as KmsVictimOrders;
const clock = new JumpingClock();
clock.jump(orders.leadMs);

let armed = orders.failpoint;
let hitsLeft = orders.hit;

function failpoint(name: FailpointName): void {
  if (name !== armed || --hitsLeft > 0) return;
  process.kill(process.pid, 'SIGKILL');
}

function obey(line: string): void {
  const [word, first = '', second = ''] = line.split(' ');
  if (word === 'arm') {
    armed = first as FailpointName;
    hitsLeft = Number(second);
  }
  if (word === 'jump') clock.jump(Number(first));
  console.log(`done: ${line}`);
}

const spoken = createInterface({ input: process.stdin });
spoken.on('line', obey);
// A harness that is gone leaves no victim behind.
spoken.once('close', () => process.exit(1));

const argv = ['--port', '0', '--data-dir', orders.dataDir, '--log-level', 'warn'];
const secrets = ['--root-key-passphrase-file', orders.passphraseFile];
const server = await startServer(parseConfig([...argv, ...secrets], {}), {
  clock,
  failpoints: failpoint,
});
process.once('SIGTERM', () => {
  void server.stop().then(() => process.exit(0));
});
console.log(`Sealpost is ready at ${server.url}`);
