/** What one vitest project came to, and how its results are added up. */

/** The part of vitest's JSON report that is read here. */
export interface JsonReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

export interface ProjectResult {
  readonly project: string;
  readonly seconds: number;
  readonly budgetSeconds: number;
  readonly passed: number;
  /** Names of what failed; a file or a whole project that could not run counts as one. */
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

interface Run {
  readonly project: string;
  readonly seconds: number;
  readonly budgetSeconds: number;
  /** Null: the project wrote no report. */
  readonly report: JsonReport | null;
  readonly exitCode: number;
}

/** Adds a report up. A run that failed without a failed test still fails. */
export function resultOf({ report, exitCode, ...run }: Run): ProjectResult {
  const files = report?.testResults ?? [];
  const tests = files.flatMap((file) => file.assertionResults);
  const passed = tests.filter((test) => test.status === 'passed').length;
  const failed = tests.filter((test) => test.status === 'failed').map((test) => test.fullName);
  for (const file of files) {
    const hasFailedTest = file.assertionResults.some((test) => test.status === 'failed');
    if (file.status === 'failed' && !hasFailedTest) failed.push(`${file.name} did not run`);
  }
  const skipped = tests
    .filter((test) => test.status !== 'passed' && test.status !== 'failed')
    .map((test) => test.fullName);
  if (failed.length === 0 && (exitCode !== 0 || passed + skipped.length === 0)) {
    failed.push(`project ${run.project} ran no test or ended with exit code ${exitCode}`);
  }
  return { ...run, passed, failed, skipped };
}

/** What no package registry carries, and other languages' own: a test may skip without it in CI. */
const excusable =
  /\(skipped: ((gcloud|the Pub\/Sub emulator|Vault or OpenBao|Go|Java with Maven|Python) is not installed|the registry of (Go|Java|Python|npm) is out of reach)\)$/;

/** With everything required, a skipped test is a failed one unless its name says why not. */
export function requireAll(result: ProjectResult): ProjectResult {
  const excused = result.skipped.filter((name) => excusable.test(name));
  const refused = result.skipped.filter((name) => !excusable.test(name));
  const failed = [...result.failed, ...refused.map((name) => `skipped: ${name}`)];
  return { ...result, failed, skipped: excused };
}

function tableRow(name: string, seconds: string, budget: string, note: string): string {
  return `${name.padEnd(14)}${seconds.padStart(9)}${budget.padStart(9)}  ${note}`.trimEnd();
}

function timeRow(name: string, seconds: number, budgetSeconds: number): string {
  const note = seconds > budgetSeconds ? 'over budget' : '';
  return tableRow(name, seconds.toFixed(1), String(budgetSeconds), note);
}

/** Time spent and allowed, project by project. */
export function budgetTable(results: readonly ProjectResult[]): string {
  const seconds = results.reduce((total, result) => total + result.seconds, 0);
  const budget = results.reduce((total, result) => total + result.budgetSeconds, 0);
  return [
    tableRow('project', 'seconds', 'budget', ''),
    ...results.map((result) => timeRow(result.project, result.seconds, result.budgetSeconds)),
    timeRow('all', seconds, budget),
  ].join('\n');
}

/** `N passed, N failed`, and how many were skipped if any were. */
export function closingLine(results: readonly ProjectResult[]): string {
  const passed = results.reduce((total, result) => total + result.passed, 0);
  const failed = results.reduce((total, result) => total + result.failed.length, 0);
  const skipped = results.reduce((total, result) => total + result.skipped.length, 0);
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
