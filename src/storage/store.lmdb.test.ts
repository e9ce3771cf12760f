import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { noFailpoints, silentLogger } from '../runtime/index.ts';
import { openLmdbStore } from './index.ts';
import { storeCases, type Opened } from './store.case.ts';

async function openAt(dataDir: string): Promise<Opened> {
  const commits: number[] = [];
  const store = await openLmdbStore({
    dataDir,
    clock: new VirtualClock(),
    log: silentLogger,
    failpoints: noFailpoints,
    reserveBytes: 4096,
    onCommit: (calls) => commits.push(calls),
  });
  return {
    store,
    commits,
    reopen: async () => {
      await store.close();
      return openAt(dataDir);
    },
    close: async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

storeCases('lmdb', () => openAt(mkdtempSync(join(tmpdir(), 'sealpost-store-'))));
