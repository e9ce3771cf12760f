import { jsonText } from './plain-text.ts';
import { tableLines, type Column } from './table.ts';

type Sink = Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;

/** Results go to standard output, everything else to standard error. */
export class Output {
  /** Programs read it: JSON, and nothing but JSON. */
  readonly isJson: boolean;
  readonly #stdout: Sink;
  readonly #stderr: Sink;

  constructor(stdout: Sink, stderr: Sink, isJson: boolean) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.isJson = isJson;
  }

  /** One result: `value` for programs, `lines` for people. */
  result(value: unknown, lines: readonly string[]): void {
    if (this.isJson) this.json(value);
    else for (const line of lines) this.line(line);
  }

  /** A list: an array for programs; a table, or a sentence in place of an empty one, for people. */
  list<Item>(
    items: readonly Item[],
    columns: readonly Column[],
    rowOf: (item: Item) => readonly string[],
    empty: string,
  ): void {
    if (this.isJson) this.json(items);
    else if (items.length === 0) this.note(empty);
    else for (const line of tableLines(columns, items.map(rowOf))) this.line(line);
  }

  json(value: unknown): void {
    this.line(jsonText(value, 2));
  }

  line(text: string): void {
    this.#stdout.write(`${text}\n`);
  }

  /** Resolves when the stream has taken it; to false if nobody reads it any more. */
  write(bytes: string | Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      this.#stdout.write(bytes, (error) => resolve(error === null || error === undefined));
    });
  }

  /** Something beside the result, for people. */
  note(text: string): void {
    this.#stderr.write(`${text}\n`);
  }
}
