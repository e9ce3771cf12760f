/** Both formats carry the same samples: names, labels and values do not depend on the format. */
export type Format = 'text' | 'openmetrics';

export type FamilyType = 'counter' | 'gauge' | 'histogram';

/** All samples of one metric. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  /** Writes the samples, and yields wherever the page may take a rest. */
  write(page: Page): Iterable<void>;
}

export const contentTypes: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** The page that a scrape gets, in the making. */
export class Page {
  readonly #format: Format;
  readonly #lines: string[] = [];

  constructor(format: Format) {
    this.#format = format;
  }

  get lineCount(): number {
    return this.#lines.length;
  }

  begin({ name, help, type }: Pick<Family, 'name' | 'help' | 'type'>): void {
    const shown = this.#format === 'text' ? { name, type } : openMetricsHead(name, type);
    this.#lines.push(
      `# HELP ${shown.name} ${escaped(help)}\n`,
      `# TYPE ${shown.name} ${shown.type}\n`,
    );
  }

  /** `labels` as `labelText` makes them, or empty. */
  sample(name: string, labels: string, value: number): void {
    const number = numberText(value);
    this.#lines.push(labels === '' ? `${name} ${number}\n` : `${name}{${labels}} ${number}\n`);
  }

  text(): string {
    return this.#lines.join('') + (this.#format === 'openmetrics' ? '# EOF\n' : '');
  }
}

/**
 * OpenMetrics asks that a counter's samples end in `_total`. Google's names do not, so such a
 * counter is of type `unknown` there: a sample keeps its name whatever the format.
 */
function openMetricsHead(name: string, type: FamilyType): { name: string; type: string } {
  if (type !== 'counter') return { name, type };
  return name.endsWith('_total')
    ? { name: name.slice(0, -'_total'.length), type }
    : { name, type: 'unknown' };
}

/** `a="1",b="2"`, values escaped. */
export function labelText(labels: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(String(value)).replaceAll('"', String.raw`\"`)}"`)
    .join(',');
}

/** A bucket's bound as both formats write it canonically: `0.5`, `1.0`, `1e+06`, `5e-05`. */
export function boundText(bound: number): string {
  if (bound === Infinity) return '+Inf';
  const text = bound >= 1e6 || bound < 1e-4 ? bound.toExponential() : String(bound);
  if (text.includes('e')) return text.replace(/e([+-])(\d)$/, 'e$10$2');
  return text.includes('.') ? text : `${text}.0`;
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

function escaped(text: string): string {
  return text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
}
