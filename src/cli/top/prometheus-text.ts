/** One line of a metrics page: a name, its labels, a number. */
export interface MetricSample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const escapes: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };

/**
 * Reads Prometheus' text format (version 0.0.4) and OpenMetrics 1.0: samples alone, no comments,
 * timestamps or exemplars. A line that is neither is passed over: a newer server may say more.
 */
export function parseMetrics(text: string): MetricSample[] {
  return text.split('\n').flatMap((line) => {
    const sample = line === '' || line.startsWith('#') ? undefined : parseLine(line);
    return sample === undefined ? [] : [sample];
  });
}

const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|(?=\}))/y;

function parseLine(line: string): MetricSample | undefined {
  const name = /^[a-zA-Z_:][\w:]*/.exec(line)?.[0];
  if (name === undefined) return undefined;
  const labels = new Map<string, string>();
  let at = name.length;
  if (line[at] === '{') {
    label.lastIndex = at + 1;
    for (let match = label.exec(line); match !== null; match = label.exec(line)) {
      at = label.lastIndex - 1;
      labels.set(
        match[1]!,
        match[2]!.replaceAll(/\\[n"\\]/g, (escape) => escapes[escape]!),
      );
    }
    at = line.indexOf('}', at) + 1;
    if (at === 0) return undefined;
  }
  const [text = ''] = line.slice(at).trim().split(' ');
  const value = numberOf(text);
  return value === undefined ? undefined : { name, labels, value };
}

function numberOf(text: string): number | undefined {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  const value = Number(text);
  return text === '' || (Number.isNaN(value) && text !== 'NaN') ? undefined : value;
}
