import type { MessagePort } from 'node:worker_threads';
import { RpcError } from '../../rpc/index.ts';
import { SystemClock, SystemEntropy } from '../../runtime/index.ts';
import { LayerRefusal } from '../layers/layer-entry.ts';
import { takeLayer } from '../layers/layer-intake.ts';
import { examineLayers } from '../trees/layer-examination.ts';
import { layOut, survey } from '../trees/tree-opening.ts';
import {
  JobStopped,
  type JobInput,
  type JobOutput,
  StopFlag,
  type VaultJob,
  workStopped,
} from './job.ts';

/** Does a job and tells how it ended; whatever happens, the job's key is gone then. */
export async function performJob(
  job: VaultJob,
  port: MessagePort,
  stop: Int32Array<SharedArrayBuffer>,
): Promise<void> {
  let output: JobOutput;
  try {
    output = { kind: 'done', result: await resultOf(job, port, new StopFlag(stop)) };
  } catch (error) {
    output = failureOf(error);
  } finally {
    job.secret.key.fill(0);
  }
  port.postMessage(output, []);
  port.close();
}

function resultOf(job: VaultJob, port: MessagePort, stop: StopFlag): Promise<unknown> {
  if (job.kind === 'survey') return survey(job);
  if (job.kind === 'lay-out') return layOut(job, stop, new SystemClock());
  if (job.kind === 'examine') return examineLayers(job, stop);
  const { secret, limits, expected, target } = job;
  const ports = { secret, limits, entropy: new SystemEntropy() };
  return takeLayer(new PortSource(port, stop), expected, target, ports);
}

function failureOf(error: unknown): JobOutput {
  if (error instanceof LayerRefusal) {
    return { kind: 'failed', code: null, reason: '', message: error.message };
  }
  const failure = asRpcError(error);
  // The text of a bug goes to the log of whoever asked, not to clients.
  const message = failure.code === 'INTERNAL' ? String(error) : failure.message;
  return { kind: 'failed', code: failure.code, reason: failure.reason, message };
}

function asRpcError(error: unknown): RpcError {
  if (error instanceof JobStopped) return workStopped();
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return RpcError.from(error);
  const text = 'There is no room left for the image.';
  return new RpcError('RESOURCE_EXHAUSTED', 'IMAGE_NO_SPACE', text, { cause: error });
}

/** The bytes that come over a port. Each piece holds until the next is asked for. */
class PortSource implements AsyncIterable<Uint8Array> {
  readonly #port: MessagePort;
  readonly #stop: StopFlag;
  readonly #inputs: JobInput[] = [];
  #wake: () => void = () => undefined;

  constructor(port: MessagePort, stop: StopFlag) {
    this.#port = port;
    this.#stop = stop;
    port.on('message', (input: JobInput) => {
      this.#inputs.push(input);
      this.#wake();
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      this.#stop.check();
      const input = this.#inputs.shift();
      if (input === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (input.kind === 'bytes') {
        const { slab, length } = input;
        yield slab.subarray(0, length);
        const consumed: JobOutput = { kind: 'consumed', slab };
        this.#port.postMessage(consumed, [slab.buffer]);
      } else if (input.kind === 'end') return;
    }
  }
}
