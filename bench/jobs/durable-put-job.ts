import { mkdirSync } from 'node:fs';
import {
  draw,
  noFailpoints,
  silentLogger,
  SystemClock,
  SystemEntropy,
} from '../../src/runtime/index.ts';
import { openLmdbStore, segmentKinds } from '../../src/storage/index.ts';
import { closedLoop } from '../closed-loop.ts';
import type { DurablePutJob, JobResult } from './job.ts';
import { payloads } from './payloads.ts';
import { inMessages } from './publish-job.ts';

const entropy = new SystemEntropy();
const log = 1;

/** One append of `bytes` after the other to one log, each durable before the next begins. */
export async function runDurablePut(job: DurablePutJob): Promise<JobResult> {
  mkdirSync(job.directory, { recursive: true });
  const store = await openLmdbStore({
    dataDir: job.directory,
    clock: new SystemClock(),
    log: silentLogger,
    failpoints: noFailpoints,
  });
  const { epoch } = (await store.own(log, 0))!;
  const body = payloads(1, job.bytes)[0]!;
  let at = 0;
  const put = async (): Promise<Error | null> => {
    const id = draw(entropy, 16);
    const kind = segmentKinds.messages;
    const op = { log, at: at++, epoch, id, count: 1, timeMs: 1, kind, body };
    try {
      const [outcome] = await store.commit([op]);
      return outcome === 'ok' ? null : new Error(`the append: ${outcome!}`);
    } catch (error) {
      return error as Error;
    }
  };
  const result = await closedLoop(job, (done) => {
    void (async () => done(await put()))();
  });
  await store.close();
  return inMessages(result, 1);
}
