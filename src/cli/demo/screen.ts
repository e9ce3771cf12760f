import type { Clock } from '../../runtime/index.ts';

interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Where the demo writes: process.stdout and process.stderr, or a test's own. */
export interface DemoIo {
  readonly stdout: Output;
  readonly stderr: Output;
}

const paint = { bold: '1', dim: '2', green: '32', red: '31', cyan: '36' } as const;
const plainIntervalMs = 2000;

/** Titles, facts and a block of lines that is redrawn in place; plain lines off a terminal. */
export class Screen {
  readonly #out: Output;
  readonly #clock: Clock;
  #liveCount = 0;
  #plainDueMs = 0;

  constructor(out: Output, clock: Clock) {
    this.#out = out;
    this.#clock = clock;
  }

  title(text: string): void {
    this.#line(`\n${this.#paint('bold', text)}`);
  }

  fact(text: string): void {
    this.#line(`  ${text}`);
  }

  /** Words of the server, exactly as they came. */
  quote(label: string, text: string): void {
    this.#line(`  ${label}`);
    this.#line(`    ${this.#paint('cyan', text)}`);
  }

  check(isRight: boolean, text: string): void {
    const mark = isRight ? this.#paint('green', '✓') : this.#paint('red', '✗');
    this.#line(`  ${mark} ${text}`);
  }

  /** Draws over the last `live` block; off a terminal, one line every two seconds. */
  live(lines: readonly string[]): void {
    if (this.#out.isTTY === true) {
      const up = this.#liveCount > 0 ? `\u001B[${String(this.#liveCount)}A` : '';
      this.#out.write(up + lines.map((line) => `\u001B[2K  ${this.#cut(line)}\n`).join(''));
      this.#liveCount = lines.length;
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#plainDueMs) return;
    this.#plainDueMs = nowMs + plainIntervalMs;
    this.#out.write(`  ${lines.map((line) => line.trim().replaceAll(/ +/g, ' ')).join(' | ')}\n`);
  }

  /** What was live stays; the next block begins below it. */
  settle(): void {
    this.#liveCount = 0;
  }

  #line(text: string): void {
    this.settle();
    this.#out.write(`${text}\n`);
  }

  #cut(line: string): string {
    return line.slice(0, Math.max(20, (this.#out.columns ?? 100) - 3));
  }

  #paint(color: keyof typeof paint, text: string): string {
    return this.#out.isTTY === true ? `\u001B[${paint[color]}m${text}\u001B[0m` : text;
  }
}

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** 231083 as `231,083`. */
export function count(value: number): string {
  return whole.format(value);
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

const barLength = 24;

/** `published  ████████░░░░  81,000 of 200,000   54,321/s`. */
export function progressLine(
  label: string,
  done: number,
  total: number,
  perSecond: number,
): string {
  const filled = Math.round((barLength * done) / total);
  const bar = '█'.repeat(filled) + '░'.repeat(barLength - filled);
  const amount = `${count(done).padStart(9)} of ${count(total)}`;
  return `${label.padEnd(22)}${bar} ${amount}  ${count(perSecond).padStart(8)}/s`;
}
