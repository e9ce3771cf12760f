import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem, type } from 'node:os';

/** Where the numbers come from; without it they mean nothing. */
export interface Machine {
  readonly cores: number;
  readonly model: string;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** Device and file system that hold the data. */
  readonly disk: string;
  readonly commit: string;
  /** Files differ from the commit. */
  readonly isModified: boolean;
}

export function describeMachine(): Machine {
  return {
    cores: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    disk: diskOf(tmpdir()),
    commit: git('rev-parse', '--short=9', 'HEAD') || 'unknown',
    isModified: git('status', '--porcelain', '--', 'src', 'bench') !== '',
  };
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}

/** `/dev/vda ext4`, from the longest mount point above the directory. */
function diskOf(directory: string): string {
  let mounts: string;
  try {
    mounts = readFileSync('/proc/mounts', 'utf8');
  } catch {
    return 'unknown';
  }
  const candidates = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(
      ([, point]) =>
        point !== undefined && `${directory}/`.startsWith(point === '/' ? '/' : `${point}/`),
    )
    .toSorted((a, b) => b[1]!.length - a[1]!.length);
  const [device, , fileSystem] = candidates[0] ?? [];
  return device === undefined ? 'unknown' : `${device} ${fileSystem!}`;
}
