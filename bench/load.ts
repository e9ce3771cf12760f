import { fork } from 'node:child_process';
import { SystemClock } from '../src/runtime/index.ts';
import type { Job, JobResult } from './jobs/job.ts';

const clock = new SystemClock();
const entry = new URL('./load-process.ts', import.meta.url);

type Reply = { readonly result: JobResult } | { readonly failure: string };

/** Runs one job in a process of its own, and ends that process at `secondsMax` at the latest. */
export async function load(job: Job, secondsMax: number): Promise<JobResult> {
  const child = fork(entry, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const outcome = Promise.withResolvers<Reply>();
  child.once('message', (message) => outcome.resolve(message as Reply));
  child.once('error', outcome.reject);
  child.once('exit', (code) => {
    outcome.resolve({ failure: `the load process ended with code ${String(code)}` });
  });
  const cancel = clock.schedule(clock.monotonicMs() + secondsMax * 1000, () => {
    outcome.resolve({ failure: `no result within ${String(secondsMax)} s` });
  });
  child.send(job);
  try {
    const reply = await outcome.promise;
    if ('failure' in reply) throw new Error(reply.failure);
    return reply.result;
  } finally {
    cancel();
    child.kill('SIGKILL');
  }
}
