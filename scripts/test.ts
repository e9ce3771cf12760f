/**
 * `npm test`: every layer of tests, the quick ones first, within ten minutes on two cores.
 *
 * REQUIRE_ALL=1 turns a skipped test into a failure. Arguments name the projects to run. The last
 * line counts what passed and failed; the exit code agrees with it.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  budgetTable,
  closingLine,
  requireAll,
  resultOf,
  type JsonReport,
  type ProjectResult,
} from './test-report.ts';

/** Seconds per vitest project; together at most ten minutes. */
const budgets: Readonly<Record<string, number>> = {
  architecture: 10,
  unit: 150,
  vectors: 25,
  simulation: 30,
  conformance: 90,
  integration: 175,
  crash: 120,
};

/** Run by name alone: they download and compile, wait out outages, run images, kill servers. */
const onRequest: Readonly<Record<string, number>> = {
  clients: 420,
  keys: 300,
  vault: 420,
  access: 300,
  delivery: 400,
};

/** A project that takes this many times its budget is stuck, and is ended. */
const stuckFactor = 3;

const vitest = join(import.meta.dirname, '..', 'node_modules', 'vitest', 'vitest.mjs');

const budgetOf = (project: string): number | undefined => budgets[project] ?? onRequest[project];

async function runProject(project: string, folder: string): Promise<ProjectResult> {
  const file = join(folder, `${project}.json`);
  const budgetSeconds = budgetOf(project) ?? 0;
  const argv = [vitest, 'run', '--project', project, '--reporter=dot', '--reporter=json'];
  const started = performance.now();
  const child = spawn(process.execPath, [...argv, `--outputFile.json=${file}`], {
    stdio: 'inherit',
  });
  const stuck = setTimeout(() => child.kill('SIGKILL'), budgetSeconds * stuckFactor * 1000);
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  clearTimeout(stuck);
  const seconds = (performance.now() - started) / 1000;
  return resultOf({ project, seconds, budgetSeconds, report: readReport(file), exitCode });
}

function readReport(file: string): JsonReport | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as JsonReport;
  } catch {
    return null;
  }
}

async function main(): Promise<void> {
  const named = process.argv.slice(2);
  const unknown = named.filter((project) => budgetOf(project) === undefined);
  if (unknown.length > 0) throw new Error(`There is no project ${unknown.join(', ')}.`);
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-test-'));
  const results: ProjectResult[] = [];
  for (const project of named.length > 0 ? named : Object.keys(budgets)) {
    console.log(`\n== ${project}`);
    const result = await runProject(project, folder);
    results.push(process.env['REQUIRE_ALL'] === '1' ? requireAll(result) : result);
  }
  rmSync(folder, { recursive: true, force: true });
  for (const { skipped } of results) for (const name of skipped) console.log(`skipped: ${name}`);
  for (const { failed } of results) for (const name of failed) console.log(`FAILED: ${name}`);
  console.log(`\n${budgetTable(results)}\n\n${closingLine(results)}`);
  process.exitCode = results.some(({ failed }) => failed.length > 0) ? 1 : 0;
}

await main();
