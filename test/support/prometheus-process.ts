import { freePort } from '../../bench/servers/program.ts';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..', '..');

const server = 'prometheus';
const checker = 'promtool';

export const isPrometheusInstalled: boolean = [server, checker].every(
  (program) => spawnSync(program, ['--version']).status === 0,
);

/** Runs promtool in the repository's root, with a page on its standard input if there is one. */
export function promtool(
  args: readonly string[],
  input: string = '',
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(checker, args, { cwd: root, input });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** One series of an answer, with its value now. */
export interface PromSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One series of an answer over time: seconds since the epoch, and a value. */
export interface PromSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [time: number, value: number])[];
}

interface Matrix {
  readonly metric: Record<string, string>;
  readonly values: readonly [number, string][];
}

interface Vector {
  readonly metric: Record<string, string>;
  readonly value: readonly [number, string];
}

/** A real Prometheus with our rules that scrapes one server every second. */
export class PrometheusProcess {
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'sealpost-prometheus-'));
  readonly #target: string;
  #child: ChildProcess | undefined;
  #url = '';

  constructor(target: string) {
    this.#target = target;
  }

  /** Resolves when it answers queries. */
  async start(): Promise<void> {
    const config = join(this.#folder, 'prometheus.json');
    writeFileSync(config, JSON.stringify(configFor(this.#target)));
    let said = '';
    // Another process may take a port between its choice and its use: then another is chosen.
    for (let attempt = 0; attempt < 5; attempt++) {
      const port = await freePort();
      this.#url = `http://127.0.0.1:${port}`;
      this.#child = spawn(
        server,
        [
          `--config.file=${config}`,
          `--storage.tsdb.path=${join(this.#folder, 'data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      for await (const line of createInterface({ input: this.#child.stderr! })) {
        said += `${line}\n`;
        if (line.includes('Server is ready to receive web requests')) {
          this.#child.stderr!.resume();
          return;
        }
      }
    }
    throw new Error(`Prometheus did not start:\n${said}`);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null) {
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What an expression answers now; throws if Prometheus refuses it. */
  async query(expr: string): Promise<PromSample[]> {
    const result = await this.#ask<Vector>('query', { query: expr });
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** What an expression answered over time, once a second. */
  async queryRange(expr: string, start: number, end: number): Promise<PromSeries[]> {
    const result = await this.#ask<Matrix>('query_range', {
      query: expr,
      start: String(start),
      end: String(end),
      step: '1',
    });
    return result.map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([time, value]) => [time, Number(value)] as const),
    }));
  }

  /** Of which type each metric was declared by the last scrape. */
  async types(): Promise<ReadonlyMap<string, string>> {
    const reply = await fetch(`${this.#url}/api/v1/metadata`);
    const { data } = (await reply.json()) as { data: Record<string, { type: string }[]> };
    return new Map(Object.entries(data).map(([name, [first]]) => [name, first?.type ?? '']));
  }

  async #ask<Result>(path: string, form: Record<string, string>): Promise<Result[]> {
    const reply = await fetch(`${this.#url}/api/v1/${path}`, {
      method: 'POST',
      body: new URLSearchParams(form),
    });
    const answer = (await reply.json()) as { error?: string; data?: { result: Result[] } };
    if (answer.data === undefined) throw new Error(`${form['query']}: ${answer.error}`);
    return answer.data.result;
  }
}

function configFor(target: string): object {
  return {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [join(root, 'grafana', 'rules', '*.yml')],
    scrape_configs: [{ job_name: 'sealpost', static_configs: [{ targets: [target] }] }],
  };
}
