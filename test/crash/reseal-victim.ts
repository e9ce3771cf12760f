/**
 * The real server, which dies by SIGKILL at a named moment of sealing its root key anew. Arguments:
 * the data directory, the moment (`never`), the wrapping key that its variable would hold, and when its
 * clock began to run faster.
 */
import { parseConfig } from '../../src/config/index.ts';
import { startServer } from '../../src/server.ts';
import { FastClock } from './fast-clock.ts';

const [dataDir = '', moment = 'never', wrappingKey = '', epochMs = ''] = process.argv.slice(2);

const server = await startServer(parseConfig(['--port', '0', '--data-dir', dataDir], {}), {
  clock: new FastClock(10, Number(epochMs)),
  failpoints: (name) => {
    if (name === moment) process.kill(process.pid, 'SIGKILL');
  },
  rootKeySurroundings: { environmentKey: new TextEncoder().encode(wrappingKey) },
});
process.stdout.write(`Sealpost is ready at ${server.url}\n`);
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
