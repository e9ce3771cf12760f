import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

/** One system call. It ran between lines `begin` and `end` of the trace. */
export interface Syscall {
  readonly begin: number;
  readonly end: number;
  readonly name: string;
  readonly fd: number;
  /** What the descriptor was open on: a path, or such as `socket:[123]`. */
  readonly target: string;
  /** Everything that strace wrote of the arguments. */
  readonly text: string;
  /** The returned number; negative on an error. */
  readonly result: number;
}

const watched = ['read', 'recvfrom', 'recvmsg', 'write', 'writev', 'sendto', 'sendmsg', 'pwrite64']
  .concat(['pwritev', 'fdatasync', 'fsync', 'sync_file_range', 'msync', 'io_uring_enter'])
  .join(',');

/** Whether strace is there and may watch a process that is not its child. */
export function canTrace(): boolean {
  const probe = spawn('sleep', ['10'], { stdio: 'ignore' });
  const argv = ['2', '/usr/bin/strace', '-p', String(probe.pid)];
  const { stderr } = spawnSync('timeout', ['-s', 'INT', ...argv], { encoding: 'utf8' });
  probe.kill('SIGKILL');
  return /attached/.test(stderr ?? '');
}

/**
 * strace on all threads of a running process. A call's line stands where it ended, or is split in
 * two where another thread's came between; the tracer sees a call begin before the kernel does it
 * and end after, so what ended on an earlier line was done before what begins on a later one.
 */
export class SyscallTrace {
  readonly #path: string;
  readonly #tracer: ChildProcess;

  private constructor(path: string, tracer: ChildProcess) {
    this.#path = path;
    this.#tracer = tracer;
  }

  static async attach(pid: number, path: string): Promise<SyscallTrace> {
    const argv = ['-f', '-y', '-s', '1000000', '-e', `trace=${watched}`, '-o', path];
    const tracer = spawn('/usr/bin/strace', [...argv, '-p', String(pid)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await new Promise<void>((resolve, reject) => {
      let said = '';
      tracer.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (/attached/.test(said)) resolve();
      });
      tracer.once('close', () => reject(new Error(`strace ended: ${said}`)));
    });
    return new SyscallTrace(path, tracer);
  }

  /** Every call until the traced process ended. */
  async finish(): Promise<Syscall[]> {
    if (this.#tracer.exitCode === null) await once(this.#tracer, 'close');
    return parseTrace(readFileSync(this.#path, 'latin1'));
  }
}

const callPattern = /^(\w+)\((\d+)<([^>]*)>(.*)$/s;

/**
 * The calls of a trace that were on a descriptor, in the order in which they ended. Those that the
 * end of the process overtook come last: they may have been carried out, and have no end.
 */
export function parseTrace(text: string): Syscall[] {
  const unfinished = new Map<string, { begin: number; text: string }>();
  const calls: Syscall[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    const [, pid = '', rest = ''] = /^(\d+)\s+(.*)$/s.exec(line) ?? [];
    const [, head] = /^(.*) <unfinished \.\.\.>$/s.exec(rest) ?? [];
    if (head !== undefined) {
      unfinished.set(pid, { begin: at, text: head });
      continue;
    }
    const [, tail] = /^<\.\.\. \w+ resumed>(.*)$/s.exec(rest) ?? [];
    const started = tail === undefined ? undefined : unfinished.get(pid);
    if (tail !== undefined) unfinished.delete(pid);
    const whole = tail === undefined ? rest : `${started?.text ?? ''}${tail}`;
    const call = callOf(whole, { begin: started?.begin ?? at, end: at });
    if (call !== null) calls.push(call);
  }
  for (const { begin, text: started } of unfinished.values()) {
    const call = callOf(`${started}) = -1`, { begin, end: Infinity });
    if (call !== null) calls.push(call);
  }
  return calls;
}

function callOf(text: string, when: { begin: number; end: number }): Syscall | null {
  const [, name, fd, target, rest] = callPattern.exec(text) ?? [];
  const [, result] = /\) += (-?\d+|\?)[^=]*$/.exec(rest ?? '') ?? [];
  if (name === undefined || result === undefined) return null;
  const returned = result === '?' ? -1 : Number(result);
  return { ...when, name, fd: Number(fd), target: target!, text: rest!, result: returned };
}

/** Which descriptors of a process are open on `path` so that each write of them is itself synced. */
export function syncedDescriptors(pid: number, path: string, openFds: readonly string[]): number[] {
  const dsync = 0o10000;
  return openFds
    .map(Number)
    .filter((fd) => targetOf(pid, fd) === path && (flagsOf(pid, fd) & dsync) !== 0);
}

function targetOf(pid: number, fd: number): string {
  const { stdout } = spawnSync('readlink', [`/proc/${pid}/fd/${fd}`], { encoding: 'utf8' });
  return stdout.trim();
}

function flagsOf(pid: number, fd: number): number {
  const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
  return Number.parseInt(/^flags:\s*(\d+)$/m.exec(info)?.[1] ?? '0', 8);
}
