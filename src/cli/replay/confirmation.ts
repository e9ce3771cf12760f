import { createInterface } from 'node:readline/promises';

import { CommandError, usageError } from '../command/command-error.ts';
import type { Terminal } from '../command/terminal.ts';

/** Asks before something that cannot be taken back. Throws CommandError unless the answer is yes. */
export async function confirm(
  { stdin, stderr }: Pick<Terminal, 'stdin' | 'stderr'>,
  question: string,
): Promise<void> {
  if (!stdin.isTTY) throw usageError('Nobody is here to be asked.', 'Add --yes.');
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  throw new CommandError('Nothing was done.');
}
