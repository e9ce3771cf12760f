/**
 * The server on a store that never syncs: what a build would be whose commits are not durable. The
 * test of the order of syncs and replies must refuse it. Its one argument is the data directory.
 */
import { join } from 'node:path';
import { parseConfig } from '../../src/config/index.ts';
import { noFailpoints, silentLogger, SystemClock } from '../../src/runtime/index.ts';
import { startServer } from '../../src/server.ts';
import { LmdbStore } from '../../src/storage/lmdb/lmdb-store.ts';

const [dataDir = ''] = process.argv.slice(2);
const config = parseConfig(['--port', '0', '--data-dir', dataDir], {});
const server = await startServer(config, {
  wrapStore: () =>
    new LmdbStore({
      dataDir: join(dataDir, 'unsynced'),
      clock: new SystemClock(),
      log: silentLogger,
      failpoints: noFailpoints,
      isSynced: false,
    }),
});
console.log(`Sealpost is ready at ${server.url}`);
