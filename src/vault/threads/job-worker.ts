import { type MessagePort, parentPort } from 'node:worker_threads';
import type { VaultJob } from './job.ts';
import { performJob } from './job-work.ts';

/** A thread of the vault: does one job after the other, each over a port of its own. */
interface Order {
  readonly job: VaultJob;
  readonly port: MessagePort;
  readonly stop: Int32Array<SharedArrayBuffer>;
}

parentPort!.on('message', ({ job, port, stop }: Order) => void performJob(job, port, stop));
