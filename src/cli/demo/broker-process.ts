import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../runtime/index.ts';

/** The broker that the demo talks to, and where its files are. */
export interface DemoBroker {
  readonly url: string;
  /** The data and the keys directory; they may not exist if the broker is elsewhere. */
  readonly directories: readonly string[];
  /** Ends what the demo started and removes its files; leaves a running broker alone. */
  stop(): Promise<void>;
}

const command = fileURLToPath(new URL('../../../bin/sealpost.js', import.meta.url));
const startMsMax = 30_000;
const stopMsMax = 15_000;

/** A broker of our own: a child process, a free port, a directory that goes with it. */
export async function startBroker(clock: Clock): Promise<DemoBroker> {
  const directory = await mkdtemp(join(tmpdir(), 'sealpost-demo-'));
  const dataDir = join(directory, 'data');
  const args = [command, 'serve', '--port=0', `--data-dir=${dataDir}`, '--log-level=warn'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const leave = (): void => void child.kill('SIGKILL');
  process.once('exit', leave);
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const cancel = clock.schedule(clock.monotonicMs() + stopMsMax, leave);
      await exited;
      cancel();
    }
    process.off('exit', leave);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const url = await readyUrl(child, clock);
    return { url, directories: [dataDir, `${dataDir}-keys`], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The address in the line that says ready. */
function readyUrl(child: ReturnType<typeof spawn>, clock: Clock): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (why: string): void => {
      reject(new Error(`The broker ${why}:\n${output.slice(-4000)}`));
    };
    const hear = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-65_536);
      const match = /Sealpost is ready at (http:\S+)/.exec(output);
      if (match) resolve(match[1]!);
    };
    child.stdout!.on('data', hear);
    child.stderr!.on('data', hear);
    child.once('exit', () => fail('ended while it started'));
    clock.schedule(clock.monotonicMs() + startMsMax, () => fail('did not become ready in time'));
  });
}
