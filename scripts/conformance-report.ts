/** What the conformance suite found of a server, from vitest's JSON report. */

/** The part of the report that is read here. */
export interface CaseReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

export interface Difference {
  /** `Seek over gRPC a time in the future …`. */
  readonly name: string;
  /** What was expected and what came, in one line. */
  readonly found: string;
}

export interface Findings {
  readonly sameCount: number;
  readonly differences: readonly Difference[];
  /** Cases that ask for what only our own server lets a test do. */
  readonly incomparable: readonly Difference[];
}

const foundCharactersMax = 400;

export function findingsOf({ testResults }: CaseReport): Findings {
  const cases = testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = cases
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages = [] }) => ({
      name: fullName,
      found: oneLine(failureMessages[0] ?? ''),
    }));
  const isIncomparable = ({ found }: Difference): boolean => found.startsWith('NotComparable: ');
  const broken = testResults
    .filter(({ assertionResults }) => assertionResults.length === 0)
    .map(({ name, message = '' }) => ({ name, found: oneLine(message) }));
  return {
    sameCount: cases.filter(({ status }) => status === 'passed').length,
    differences: [...broken, ...failed.filter((each) => !isIncomparable(each))],
    incomparable: failed.filter(isIncomparable),
  };
}

/** The message without the stack below it and the class before it. */
function oneLine(failure: string): string {
  const [message = ''] = failure.split(/\n\s+at /);
  return message
    .replace(/^\w*Error: /, '')
    .replaceAll(/\s+/g, ' ')
    .slice(0, foundCharactersMax);
}

/** Markdown: a row for each difference, by name. */
export function differenceTable(differences: readonly Difference[]): string {
  const cell = (text: string): string => text.replaceAll('|', String.raw`\|`);
  const rows = differences
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, found }) => `| ${cell(name)} | ${cell(found)} |`);
  return ['| case | found |', '|---|---|', ...rows].join('\n');
}
