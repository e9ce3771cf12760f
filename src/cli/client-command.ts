import { MessageChannel } from 'node:worker_threads';
import { processEnvironment } from '../config/index.ts';
import { CommandError } from './command/command-error.ts';
import type { CommandSpec } from './command/command-spec.ts';
import { runCommand } from './command/program.ts';
import { ProcessTerminal } from './command/terminal.ts';
import { oneLine } from './output/plain-text.ts';
import { tree } from './tree.ts';

/**
 * Runs a command of the tree in this process; `argv` begins with its name. Resolves to the exit
 * code: a failure that was foreseen is one line on standard error, and the next step below it.
 */
export async function runClient(argv: readonly string[], version: string): Promise<number> {
  const terminal = new ProcessTerminal(process);
  // Timers do not keep a process alive, and a command may wait for nothing but time.
  const { port1 } = new MessageChannel();
  port1.ref();
  try {
    return await runCommand(tree, argv, { terminal, env: processEnvironment(), version });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const hint = error.hint === '' || error.hint.startsWith('\n') ? error.hint : ` ${error.hint}`;
    terminal.stderr.write(`sealpost ${named(tree, argv)}: ${oneLine(error.message)}${hint}\n`);
    return error.exitCode;
  } finally {
    port1.close();
  }
}

/** The words of a command line that name its command: `topics create`. */
function named(specs: readonly CommandSpec[], argv: readonly string[]): string {
  const spec = specs.find(({ name }) => name === argv[0]);
  if (spec === undefined) return '';
  return `${spec.name} ${named(spec.commands ?? [], argv.slice(1))}`.trim();
}
