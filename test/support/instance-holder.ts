import { SystemClock, silentLogger } from '../../src/runtime/index.ts';
import { createBwrapDriver } from '../../src/vault/instances/drivers/bwrap-driver.ts';
import { createRuncDriver } from '../../src/vault/instances/drivers/runc-driver.ts';
import { layOut } from './instance-sandbox.ts';

/** A process that starts one instance, tells its pid, and waits to be killed. */
const [, , name = '', runtimeFolder = ''] = process.argv;
const create = name === 'runc' ? createRuncDriver : createBwrapDriver;
const driver = create({ runtimeFolder, clock: new SystemClock(), log: silentLogger });
const idOffset = driver.mapsIds ? 0x7000_0000 : null;
const root = layOut(`${runtimeFolder}/held`, idOffset);
const { pid } = await driver.start({
  id: 'held',
  root,
  argv: ['/bin/sh', '-c', 'trap "" TERM; while :; do sleep 1000; done'],
  env: { PATH: '/bin' },
  cwd: '/',
  uid: 1000,
  gid: 1000,
  idOffset,
  hostname: 'localhost',
  port: 8080,
  limits: { memoryBytes: 64 * 2 ** 20, cpuMillis: 1000, pids: 64 },
  onLine: () => undefined,
});
process.stdout.write(`${pid}\n`);
setInterval(() => undefined, 60_000);
