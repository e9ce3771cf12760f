/**
 * The load client's process: takes one job, does it, reports, ends.
 *
 * A process of its own gives client and server a core each, and each measurement a fresh heap.
 */
import { runDrain } from './jobs/drain-job.ts';
import { runDurablePut } from './jobs/durable-put-job.ts';
import { runHttp } from './jobs/http-job.ts';
import type { Job, JobResult } from './jobs/job.ts';
import { runNatsDrain, runNatsPublish } from './jobs/nats-job.ts';
import { runPublish } from './jobs/publish-job.ts';
import { runPush } from './jobs/push-job.ts';
import { runRedisDrain, runRedisPublish } from './jobs/redis-job.ts';
import { runWebSocketDrain } from './jobs/websocket-drain-job.ts';
import { runWebSocketFanout } from './jobs/websocket-fanout-job.ts';
import { runWebSocketEcho, runWebSocketPublish } from './jobs/websocket-publish-job.ts';

function run(job: Job): Promise<JobResult> {
  switch (job.kind) {
    case 'publish':
      return runPublish(job);
    case 'drain':
      return runDrain(job);
    case 'http':
      return runHttp(job);
    case 'nats-publish':
      return runNatsPublish(job);
    case 'nats-drain':
      return runNatsDrain(job);
    case 'redis-publish':
      return runRedisPublish(job);
    case 'redis-drain':
      return runRedisDrain(job);
    case 'durable-put':
      return runDurablePut(job);
    case 'websocket-publish':
      return runWebSocketPublish(job);
    case 'websocket-echo':
      return runWebSocketEcho(job);
    case 'websocket-drain':
      return runWebSocketDrain(job);
    case 'websocket-fanout':
      return runWebSocketFanout(job);
    case 'push':
      return runPush(job);
    default:
      throw new Error(`There is no job ${JSON.stringify(job satisfies never)}`);
  }
}

async function answer(job: Job): Promise<void> {
  let reply: object;
  try {
    reply = { result: await run(job) };
  } catch (error) {
    reply = { failure: error instanceof Error ? error.message : String(error) };
  }
  process.send!(reply, () => process.exit(0));
}

process.once('message', (job) => void answer(job as Job));
