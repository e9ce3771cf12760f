import koffi from 'koffi';

/** PR_SET_PDEATHSIG of Linux's prctl. */
const setDeathSignal = 1;
const killSignal = 9;

/**
 * Lets the kernel end this process with its parent, on Linux: one that hangs in a library would
 * never notice that its channel has closed.
 */
export function diesWithParent(): void {
  if (process.platform !== 'linux') return;
  const parent = process.ppid;
  const prctl = koffi.load(null).func('prctl', 'int', ['int', 'ulong']);
  prctl(setDeathSignal, killSignal);
  // It may have died before it was asked for.
  if (process.ppid !== parent) process.exit(1);
}
