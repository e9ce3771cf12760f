import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  actionCounts,
  DiskFiles,
  DocumentError,
  jsonSchema,
  performPlan,
  planFor,
  planLines,
  planSummary,
  readDeclaration,
  stepJson,
  type Outcome,
  type Step,
} from '../../declarative/index.ts';
import { CommandError, usageError } from '../command/command-error.ts';
import type { Action } from '../command/command-spec.ts';
import { exitCodes } from '../command/exit-codes.ts';
import type { Tools } from '../command/tools.ts';
import { counted, sentence, visible } from '../output/plain-text.ts';
import { resourceApi } from './resource-api.ts';

export const apply: Action = async ({ arguments: [file], flags }, tools) => {
  const { out, api, clock } = tools;
  if (flags.isSet('schema')) return out.json(jsonSchema());
  if (file === undefined) throw usageError('A FILE is needed.', 'See sealpost help apply.');
  const isDry = flags.isSet('dry-run');
  if (flags.isSet('exit-code') && !isDry) throw usageError('--exit-code needs --dry-run.');
  const files = new DiskFiles(dirname(file));
  const resources = resourceApi(api);
  const steps = await told(tools, file, () => {
    const declaration = readDeclaration(contentOf(file), file, files);
    return planFor(declaration, resources, {
      isPruning: flags.isSet('prune'),
      files,
      nowMs: clock.wallMs(),
      onWarning: (line) => out.note(`warning: ${visible(line)}`),
    });
  });
  if (isDry) return showPlan(tools, steps, flags.isSet('exit-code'));
  const onDone = (step: Step): void => {
    if (!out.isJson) for (const line of planLines([step]).slice(0, 1)) out.line(visible(line.text));
  };
  return tell(tools, await performPlan(steps, resources, onDone));
};

function contentOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}.`);
  }
}

/** Every problem on a line of its own, as compilers print them, before the one that ends it. */
async function told<Result>(
  { out }: Tools,
  file: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    for (const line of error.lines) out.note(visible(line));
    const count = counted(error.problems.length, 'problem');
    throw usageError(`${count} in ${file}. Nothing was changed.`);
  }
}

function showPlan({ out, terminal }: Tools, steps: readonly Step[], hasExitCode: boolean): number {
  const isColoured = terminal.stdout.isTTY && terminal.stdout.hasColors();
  const lines = planLines(steps).map(({ action, text }) =>
    isColoured ? `${colours[action]}${visible(text)}\u{1b}[0m` : visible(text),
  );
  const end = steps.length === 0 ? 'Nothing to do.' : `${planSummary(steps)}.`;
  out.result({ steps: steps.map(stepJson), counts: { ...actionCounts(steps) } }, [...lines, end]);
  return hasExitCode && steps.length > 0 ? exitCodes.failed : exitCodes.done;
}

const colours = { create: '\u{1b}[32m', update: '\u{1b}[33m', delete: '\u{1b}[31m' } as const;

function tell({ out }: Tools, { done, failed, left }: Outcome): number {
  const json = { done: done.map(stepJson), left: left.map(stepJson) };
  if (failed === undefined) {
    out.result(json, [
      done.length === 0 ? 'Nothing to do.' : `Done: ${counted(done.length, 'step')}.`,
    ]);
    return exitCodes.done;
  }
  const { step, error } = failed;
  if (out.isJson) out.json({ ...json, failed: stepJson(step) });
  for (const each of left) out.note(`not tried: ${each.action} ${each.noun} ${visible(each.name)}`);
  const why = error instanceof Error ? error.message : String(error);
  throw new CommandError(
    `${step.action} ${step.noun} ${step.name} failed: ${sentence(why)} ` +
      `${counted(done.length, 'step')} before it ${done.length === 1 ? 'is' : 'are'} done, ` +
      `${left.length} after it ${left.length === 1 ? 'was' : 'were'} not tried.`,
    {
      exitCode: error instanceof CommandError ? error.exitCode : exitCodes.failed,
      hint: 'Run it again when the cause is mended: it goes on from there.',
    },
  );
}
