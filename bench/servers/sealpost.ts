import { join } from 'node:path';
import { Program } from './program.ts';
import type { BenchServer } from './server.ts';

const entry = new URL('../../bin/sealpost.js', import.meta.url).pathname;

/** Sealpost, and its process. */
export interface SealpostServer extends BenchServer {
  readonly pid: number;
}

export interface SealpostOptions {
  /** Holds `data` and `data-keys`. */
  readonly directory: string;
  /** Flags for Node, such as `--cpu-prof`. */
  readonly nodeFlags?: readonly string[];
  /** Options of `sealpost serve` beside those that every bench has. */
  readonly args?: readonly string[];
  readonly startSecondsMax?: number;
}

/** Sealpost as `npm start` runs it: default settings, a port that the system chooses. */
export async function startSealpost(options: SealpostOptions): Promise<SealpostServer> {
  const program = new Program({
    command: process.execPath,
    args: [
      // As in the first line of bin/sealpost.js, which is not what runs it here.
      '--max-semi-space-size=64',
      ...(options.nodeFlags ?? []),
      entry,
      'serve',
      '--port=0',
      '--host=127.0.0.1',
      `--data-dir=${join(options.directory, 'data')}`,
      '--log-level=warn',
      ...(options.args ?? []),
    ],
  });
  const [, port] = await program.line(
    /Sealpost is ready at http:\/\/[^:]+:(\d+)/,
    options.startSecondsMax ?? 60,
  );
  return {
    name: 'sealpost',
    address: `127.0.0.1:${port!}`,
    port: Number(port),
    pid: program.pid,
    stop: () => program.stop(),
  };
}
