import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SystemClock } from '../../src/runtime/index.ts';
import { GrpcChannel } from '../grpc-channel.ts';
import { drainResult } from './drain-result.ts';
import type { JobResult, PushJob } from './job.ts';
import { preload } from './publish-job.ts';

const clock = new SystemClock();

/** Messages a second that reach an endpoint, from the moment at which it is named, slow start too. */
export async function runPush(job: PushJob): Promise<JobResult> {
  const channel = await GrpcChannel.open(job.address);
  await preload(channel, job);
  channel.close();
  const endpoint = new Endpoint(job.messageCount);
  const url = await endpoint.listen();
  const startMs = clock.monotonicMs();
  await pushTo(job, url);
  const endMs = clock.monotonicMs() + job.secondsMax * 1000;
  const cancel = clock.schedule(endMs, () => endpoint.finished.resolve());
  await endpoint.finished.promise;
  cancel();
  const spanMs = clock.monotonicMs() - startMs;
  await pushTo(job, '');
  endpoint.close();
  return drainResult(job, endpoint.seenCount, spanMs);
}

async function pushTo(job: PushJob, pushEndpoint: string): Promise<void> {
  const response = await fetch(`http://${job.address}/v1/${job.subscription}:modifyPushConfig`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ pushConfig: pushEndpoint === '' ? {} : { pushEndpoint } }),
  });
  if (!response.ok) throw new Error(`modifyPushConfig: ${await response.text()}`);
}

/** Answers 204 to everything and counts the messages it has not seen before. */
class Endpoint {
  readonly finished: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #seen = new Set<string>();
  readonly #messageCount: number;
  readonly #server = createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
    this.#take(request, response),
  );

  constructor(messageCount: number) {
    this.#messageCount = messageCount;
  }

  get seenCount(): number {
    return this.#seen.size;
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/push`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const id = /"messageId":\s*"(\d+)"/.exec(Buffer.concat(chunks).toString('latin1'))?.[1];
      if (id !== undefined) this.#seen.add(id);
      response.writeHead(204).end();
      if (this.#seen.size >= this.#messageCount) this.finished.resolve();
    });
  }
}
