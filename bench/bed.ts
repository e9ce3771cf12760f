import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchOptions } from './options.ts';
import type { Row, Sample, Subject } from './measurement.ts';
import { startEcho, startEmulator, startNats, startRedis } from './servers/peers.ts';
import { startSealpost } from './servers/sealpost.ts';
import {
  NotInstalled,
  type BenchServer,
  type EchoServer,
  type ServerName,
} from './servers/server.ts';

/**
 * The servers of one scenario: started when first asked for, kept for all repetitions, stopped and
 * their files removed at the end.
 */
export class Bed implements AsyncDisposable {
  readonly options: BenchOptions;
  readonly directory: string;
  readonly #servers = new Map<ServerName, Promise<BenchServer>>();
  readonly #say: (line: string) => void;
  #nameCount = 0;

  constructor(options: BenchOptions, say: (line: string) => void) {
    this.options = options;
    this.#say = say;
    this.directory = mkdtempSync(join(tmpdir(), 'sealpost-bench-'));
  }

  say(line: string): void {
    this.#say(line);
  }

  server(name: ServerName): Promise<BenchServer> {
    let server = this.#servers.get(name);
    if (server === undefined) {
      server = this.#start(name);
      this.#servers.set(name, server);
    }
    return server;
  }

  async echo(): Promise<EchoServer> {
    return (await this.server('echo')) as EchoServer;
  }

  /** A name that no earlier measurement used. */
  freshName(prefix: string): string {
    return `${prefix}-${String(++this.#nameCount)}`;
  }

  /** Every subject once, then every subject again: drift of the machine meets all alike. */
  async interleave(scenario: string, subjects: readonly Subject[]): Promise<Row[]> {
    const samples = new Map<Subject, Sample[]>(subjects.map((subject) => [subject, []]));
    const skipped = new Map<Subject, string>();
    for (let repetition = 0; repetition < this.options.repetitions; repetition++) {
      for (const subject of subjects) {
        if (skipped.has(subject)) continue;
        try {
          const sample = await subject.measure(repetition);
          samples.get(subject)!.push(sample);
          this.say(`${scenario.padEnd(18)}${subject.name.padEnd(26)}${shown(sample, subject)}`);
        } catch (error) {
          if (!(error instanceof NotInstalled)) throw error;
          skipped.set(subject, error.message);
          this.say(`${scenario.padEnd(18)}${subject.name.padEnd(26)}skipped: ${error.message}`);
        }
      }
    }
    return subjects.map((subject) => ({
      scenario,
      subject: subject.name,
      unit: subject.unit,
      samples: samples.get(subject)!,
      ...(skipped.has(subject) ? { skipped: skipped.get(subject)! } : {}),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const starting of this.#servers.values()) {
      const server = await starting.catch(() => null);
      await server?.stop();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  #start(name: ServerName): Promise<BenchServer> {
    switch (name) {
      case 'sealpost':
        return startSealpost({
          directory: this.directory,
          nodeFlags: profileFlags(this.options),
        });
      case 'echo':
        return startEcho();
      case 'emulator':
        return startEmulator();
      case 'nats':
        return startNats(this.directory);
      case 'redis':
        return startRedis(this.directory);
      default:
        throw new Error(`There is no server ${String(name satisfies never)}`);
    }
  }
}

export function profileFlags(options: BenchOptions): string[] {
  if (options.profileDirectory === undefined) return [];
  return ['--cpu-prof', `--cpu-prof-dir=${options.profileDirectory}`];
}

function shown(sample: Sample, { unit }: Subject): string {
  const digits = unit === 'messages/s' || unit === 'bytes' ? 0 : 3;
  const note = sample.note === undefined ? '' : `  (${sample.note})`;
  return `${sample.value.toFixed(digits).padStart(10)} ${unit}${note}`;
}
