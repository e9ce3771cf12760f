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

/** What became of a case; `skipped`: it was not put. */
export interface CaseRecord {
  readonly name: string;
  readonly status: 'same' | 'different' | 'incomparable' | 'skipped';
  readonly found: string;
}

/** A run, as `--record` writes it: the cases in the order of their execution. */
export interface RunRecord {
  readonly cases: readonly CaseRecord[];
  /** After that case nothing came any more over those wires: what follows it says nothing. */
  readonly gaveUp?: { readonly after: string; readonly silent: readonly string[] } | undefined;
}

const foundCharactersMax = 500;

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

export function caseRecords({ testResults }: CaseReport): CaseRecord[] {
  return testResults.flatMap(({ assertionResults }) => assertionResults).map(recordOf);
}

type Assertion = CaseReport['testResults'][number]['assertionResults'][number];

function recordOf({ status, fullName: name, failureMessages = [] }: Assertion): CaseRecord {
  const found = oneLine(failureMessages[0] ?? '');
  if (status === 'passed') return { name, status: 'same', found };
  if (status !== 'failed') return { name, status: 'skipped', found };
  const isIncomparable = found.startsWith('NotComparable: ');
  return { name, status: isIncomparable ? 'incomparable' : 'different', found };
}

/** The message without the stack below it, the class before it, and vitest's advice after it. */
function oneLine(failure: string): string {
  const [message = ''] = failure.split(/\n\s+at /);
  return message
    .replace(/^\w*Error: /, '')
    .replaceAll(/\s+/g, ' ')
    .replace(/(?<=^Test timed out in \d+ms\.).*/, '')
    .replaceAll(/(.)\1{29,}/g, '$1$1$1…')
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
