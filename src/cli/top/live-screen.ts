import type { Terminal } from '../command/terminal.ts';

const enter = '\u001B[?1049h\u001B[?25l';
const leave = '\u001B[?25h\u001B[?1049l';
const ctrlC = '\u0003';

/** A terminal that is drawn over and over, and given back as it was. */
export class LiveScreen {
  readonly #terminal: Terminal;
  readonly #onKey: (key: string) => void;
  readonly #hear = (chunk: Buffer): void => {
    for (const key of chunk.toString()) this.#onKey(key === ctrlC ? 'q' : key);
  };
  // However the process ends, the shell gets its terminal back.
  readonly #restore = (): void => {
    this.#terminal.stdout.write(leave);
  };

  constructor(terminal: Terminal, onKey: (key: string) => void, onResize: () => void) {
    this.#terminal = terminal;
    this.#onKey = onKey;
    const { stdin, stdout } = terminal;
    stdout.write(enter);
    process.once('exit', this.#restore);
    stdout.on('resize', onResize);
    if (!stdin.isTTY) return;
    stdin.setRawMode(true);
    stdin.on('data', this.#hear);
    stdin.resume();
  }

  get size(): { readonly columns: number; readonly rows: number } {
    const { columns, rows } = this.#terminal.stdout;
    // A terminal that does not know its size says 0.
    return { columns: columns || 80, rows: rows || 24 };
  }

  /** Draws the lines from the top, and `last` at the bottom. */
  draw(lines: readonly string[], last: string): void {
    const body = lines.slice(0, this.size.rows - 1).map((line) => `${line}\u001B[K\r\n`);
    const foot = `\u001B[${this.size.rows};1H\u001B[K${last.slice(0, this.size.columns)}`;
    this.#terminal.stdout.write(`\u001B[H${body.join('')}\u001B[J${foot}`);
  }

  close(): void {
    const { stdin, stdout } = this.#terminal;
    stdout.removeAllListeners('resize');
    if (stdin.isTTY) {
      stdin.off('data', this.#hear);
      stdin.setRawMode(false);
      stdin.pause();
    }
    process.off('exit', this.#restore);
    this.#restore();
  }
}
