/**
 * Puts files of cases to the official emulator such that a case it does not survive spoils no
 * other: each file, and what is left of it, gets an emulator of its own.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { startEmulator } from '../bench/servers/peers.ts';
import { SystemClock } from '../src/runtime/index.ts';
import { silentWires } from './conformance-probe.ts';
import type { CaseRecord, RunRecord } from './conformance-report.ts';

const clock = new SystemClock();
const conformance = join(import.meta.dirname, 'conformance.ts');
/** A Java program that was just started takes its time for its first calls. */
const warmUpSeconds = 60;
/** A run that hangs as a whole is a fault of ours. */
const runSecondsMax = 240;

/** How long a case is waited for, and how long it may wait of itself. */
interface Patience {
  readonly caseSeconds: number;
  readonly waitSeconds: number;
}

const brief: Patience = { caseSeconds: 6, waitSeconds: 3 };
/** For the cases that wait longer of themselves. */
const long: Patience = { caseSeconds: 32, waitSeconds: 25 };

/** A case after which the emulator answers nothing. */
export interface Wedge {
  readonly name: string;
  readonly silent: readonly string[];
  /** It did so alone too, on an emulator of its own; otherwise something before it had a part. */
  readonly isAlone: boolean;
}

export interface FileResult {
  readonly cases: readonly CaseRecord[];
  readonly wedges: readonly Wedge[];
  readonly emulatorCount: number;
}

/** One file of cases, put in rounds until each case has its result, or the time is up. */
export class EmulatorRounds {
  readonly #file: string;
  readonly #endMs: number;
  readonly #settled: (CaseRecord | undefined)[] = [];
  readonly #wedges: Wedge[] = [];
  #names: readonly string[] = [];
  #emulatorCount = 0;

  /** `endMs`, of the monotonic clock: no round begins after it. */
  constructor(file: string, endMs: number) {
    this.#file = file;
    this.#endMs = endMs;
  }

  async run(): Promise<FileResult> {
    await this.#settle(undefined, brief);
    const waiting = this.#settled.flatMap((each, index) => (waitsLonger(each) ? [index] : []));
    await this.#settle(waiting, long);
    const cases = this.#names.map((name, index) => this.#settled[index] ?? notPut(name));
    return { cases, wedges: this.#wedges, emulatorCount: this.#emulatorCount };
  }

  /** `left`: which cases; undefined: all. */
  async #settle(left: readonly number[] | undefined, patience: Patience): Promise<void> {
    let next = left;
    while (next?.length !== 0) {
      if (clock.monotonicMs() > this.#endMs) return;
      next = await this.#round(next, patience);
    }
  }

  /** Those that are still to be put, after the one that the emulator did not survive. */
  async #round(left: readonly number[] | undefined, patience: Patience): Promise<number[]> {
    const { cases, gaveUp } = await this.#put(left, patience);
    this.#names = cases.map(({ name }) => name);
    const asked = left ?? cases.map((_, index) => index);
    const last = gaveUp === undefined ? -1 : wedgedAt(cases, gaveUp.after, asked);
    const done = last === -1 ? asked : asked.filter((index) => index < last);
    for (const index of done) this.#settled[index] = cases[index];
    if (gaveUp === undefined || last === -1) return [];
    await this.#putAlone(last, gaveUp.silent, patience);
    return asked.filter((index) => index > last);
  }

  async #putAlone(index: number, silent: readonly string[], patience: Patience): Promise<void> {
    const { cases, gaveUp } = await this.#put([index], patience);
    this.#settled[index] = cases[index];
    const name = this.#names[index] ?? '';
    const isAlone = gaveUp !== undefined;
    this.#wedges.push({ name, silent: gaveUp?.silent ?? silent, isAlone });
    console.error(`    ${isAlone ? 'wedges it' : 'was there when it wedged'}: ${name}`);
  }

  async #put(left: readonly number[] | undefined, patience: Patience): Promise<RunRecord> {
    const folder = mkdtempSync(join(tmpdir(), 'sealpost-emulator-'));
    const emulator = await startEmulator();
    this.#emulatorCount++;
    try {
      await silentWires(emulator.address, warmUpSeconds);
      const only = left?.map((index) => this.#names[index] ?? '');
      const said = only === undefined ? 'all cases' : `${only.length} cases`;
      console.error(`${basename(this.#file)}: ${said}, ${patience.caseSeconds} s each`);
      return await runConformance(this.#file, emulator.address, folder, patience, only);
    } finally {
      await emulator.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

const waitsLonger = (record: CaseRecord | undefined): boolean => {
  const seconds = /^NotComparable: it would take ([\d.]+) s/.exec(record?.found ?? '')?.[1];
  return seconds !== undefined && Number(seconds) <= long.waitSeconds;
};

const notPut = (name: string): CaseRecord => ({ name, status: 'skipped', found: '' });

/** Where the case of that name was left unanswered: several may have the same name. */
function wedgedAt(cases: readonly CaseRecord[], name: string, asked: readonly number[]): number {
  const isIt = (index: number): boolean =>
    cases[index]?.name === name && cases[index].found.startsWith('Test timed out');
  return asked.find(isIt) ?? -1;
}

async function runConformance(
  file: string,
  address: string,
  folder: string,
  { caseSeconds, waitSeconds }: Patience,
  only: readonly string[] | undefined,
): Promise<RunRecord> {
  const record = join(folder, 'record.json');
  const argv = [conformance, basename(file), '--endpoint', address, '--record', record];
  argv.push('--case-seconds', String(caseSeconds), '--wait-seconds', String(waitSeconds));
  if (only !== undefined) {
    const names = join(folder, 'only.json');
    writeFileSync(names, JSON.stringify(only));
    argv.push('--only', names);
  }
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: runSecondsMax * 1000,
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
  await once(child, 'close');
  try {
    return JSON.parse(readFileSync(record, 'utf8')) as RunRecord;
  } catch (cause) {
    throw new Error(`${basename(file)} left no record: ${said}`, { cause });
  }
}
