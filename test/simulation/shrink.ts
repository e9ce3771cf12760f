import type { RunReport } from './driver/world.ts';
import { run, SimulationError, type RunOptions } from './run.ts';
import type { Step } from './program.ts';

/** A program that fails, with how it does. */
export interface Failure {
  readonly program: readonly Step[];
  readonly error: SimulationError;
}

/** What came of a program: what it did, or how it failed. */
export type RunOutcome =
  | { readonly failure: null; readonly report: RunReport }
  | { readonly failure: Failure };

export async function outcomeOf(options: RunOptions): Promise<RunOutcome> {
  try {
    return { failure: null, report: await run(options) };
  } catch (error) {
    if (!(error instanceof SimulationError)) throw error;
    // What comes after the step that failed has no part in it.
    const program = options.program.slice(0, error.stepIndex + 1);
    return { failure: { program, error } };
  }
}

/** How the program fails; null if it does not. */
export const failureOf = async (options: RunOptions): Promise<Failure | null> =>
  (await outcomeOf(options)).failure;

/** The kind of a complaint: its words without names and numbers. */
const kindOf = ({ message }: SimulationError): string =>
  message.replace(/^.*?: /, '').replace(/[\w/-]*\d+/g, '#');

/**
 * Drops steps, many at a time and then one by one, as long as the program goes on to fail in the
 * same way. At most `runsMax` runs.
 */
export async function shrunk(
  failure: Failure,
  options: Omit<RunOptions, 'program' | 'onStep'>,
  runsMax: number = 400,
): Promise<Failure> {
  let best = failure;
  let runs = 0;
  for (let size = Math.ceil(best.program.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = best.program.length - size; from >= 0 && runs < runsMax; from -= size) {
      const program = best.program.toSpliced(from, size);
      const found = await failureOf({ ...options, program });
      runs++;
      if (found !== null && kindOf(found.error) === kindOf(failure.error)) best = found;
      from = Math.min(from, best.program.length);
    }
  }
  return best;
}

/** The program in words, and what it comes to. */
export async function storyOf(
  { program, error }: Failure,
  options: Omit<RunOptions, 'program' | 'onStep'>,
): Promise<string> {
  const lines: string[] = [];
  const onStep: RunOptions['onStep'] = (index, { action }, story) => {
    lines.push(`${String(index).padStart(4)} ${action}${story && `: ${story}`}`);
  };
  await failureOf({ ...options, program, onStep });
  const text = `${lines.join('\n')}\n${error.message}`;
  return text.replaceAll(/projects\/[\w-]*\/(topics|subscriptions|snapshots)\//g, '');
}
