import { mkdirSync } from 'node:fs';
import { draw, SystemEntropy } from '../../src/runtime/index.ts';
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
  await using store = await openLmdbStore({ directory: job.directory });
  const { epoch } = (await store.own(log, 0))!;
  const body = payloads(1, job.bytes)[0]!;
  let at = 0;
  const result = await closedLoop(job, (done) => {
    const id = draw(entropy, 16);
    store
      .commit([
        { log, at: at++, epoch, id, count: 1, timeMs: 1, kind: segmentKinds.messages, body },
      ])
      .then(([outcome]) => done(outcome === 'ok' ? null : new Error(`the append: ${outcome!}`)))
      .catch(done);
  });
  return inMessages(result, 1);
}
