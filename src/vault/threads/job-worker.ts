import { enableCompileCache } from 'node:module';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { VaultJob } from './job.ts';

/** A thread of the vault: does one job after the other, each over a port of its own. */
const { cacheFolder } = workerData as { readonly cacheFolder: string | undefined };
if (cacheFolder !== undefined) enableCompileCache(cacheFolder);
const { performJob } = await import('./job-work.ts');

interface Order {
  readonly job: VaultJob;
  readonly port: MessagePort;
  readonly stop: Int32Array<SharedArrayBuffer>;
}

parentPort!.on('message', ({ job, port, stop }: Order) => void performJob(job, port, stop));
