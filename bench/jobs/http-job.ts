import autocannon from 'autocannon';
import type { HttpJob, JobResult } from './job.ts';
import { payloads } from './payloads.ts';

/** REST publish by autocannon: as many connections as requests in flight. */
export async function runHttp(job: HttpJob): Promise<JobResult> {
  const messages = payloads(job.messagesPerRequest, job.messageBytes).map((payload) => ({
    data: payload.toString('base64'),
  }));
  const shape = {
    url: job.url,
    method: 'POST' as const,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages }),
    connections: job.inFlight,
  };
  if (job.warmupSeconds > 0) await autocannon({ ...shape, duration: job.warmupSeconds });
  const result = await autocannon({ ...shape, duration: job.seconds });
  const failedCount = result.non2xx + result.errors + result.timeouts;
  return {
    perSecond: (result['2xx'] / result.duration) * job.messagesPerRequest,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    messageCount: result['2xx'] * job.messagesPerRequest,
    failedCount,
    ...(failedCount > 0 ? { failure: `${String(result.non2xx)} refused by the server` } : {}),
  };
}
