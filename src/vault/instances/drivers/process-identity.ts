import { readFileSync } from 'node:fs';
import { kill } from 'node:process';

/** A process beyond doubt: a pid alone may be another's by now. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it began, in clock ticks since the machine did. */
  readonly startTicks: string;
}

/** The process that has this pid now; null if none. */
export function identityOf(pid: number): ProcessIdentity | null {
  const fields = statOf(pid);
  const startTicks = fields?.[startField];
  return startTicks === undefined ? null : { pid, startTicks };
}

/** Whether it still runs; one that ended and waits for its parent does not. */
export function isRunning({ pid, startTicks }: ProcessIdentity): boolean {
  const fields = statOf(pid);
  return fields?.[startField] === startTicks && fields[0] !== 'Z' && fields[0] !== 'X';
}

/** Nothing if it has ended. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(identity)) return;
  try {
    kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Of the fields of /proc/PID/stat after the name, which may hold blanks and parentheses itself. */
const startField = 19;

function statOf(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}
