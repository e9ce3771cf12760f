import type { InstanceSpec } from '../instance-driver.ts';
import { assert } from '../../../runtime/index.ts';

/** What Docker gives, and Cloud Run. */
const sharedMemoryBytes = 64 * 1024 * 1024;

/** The descriptors that bubblewrap is started with. */
export const bwrapFiles = { users: 3, info: 4, args: 5 } as const;

/** Its command line: arguments that others must not see in a list of processes go by a pipe. */
export function bwrapCommand(argv: readonly string[]): string[] {
  const { users, info, args } = bwrapFiles;
  const files = ['--userns', String(users), '--info-fd', String(info), '--args', String(args)];
  return [...files, '--', ...argv];
}

/**
 * What goes by the pipe, each argument ended by NUL. Its own process, network, message and host
 * name spaces; no capability; the tree as root.
 *
 * @param isLimited whether a control group limits its memory; else it writes nowhere but /tmp
 */
export function bwrapArguments(spec: InstanceSpec, isLimited: boolean): string {
  const environment = Object.entries(spec.env).map(([name, value]) => ['--setenv', name, value]);
  const args = [
    ['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ['--die-with-parent', '--new-session', '--as-pid-1', '--cap-drop', 'ALL'],
    ['--hostname', spec.hostname, '--uid', String(spec.uid), '--gid', String(spec.gid)],
    treeMounts(spec, isLimited),
    ['--clearenv', ...environment.flat(), '--chdir', spec.cwd],
    // It reads and closes what it waits for: an instance is left no handle on its user namespace.
    ['--block-fd', String(bwrapFiles.users)],
  ].flat();
  assert(
    args.every((each) => !each.includes('\0')),
    'an argument of an instance holds NUL',
  );
  return args.map((each) => `${each}\0`).join('');
}

function treeMounts({ root, limits }: InstanceSpec, isLimited: boolean): string[] {
  const tmp = ['--perms', '1777', '--size', String(limits.memoryBytes), '--tmpfs', '/tmp'];
  const shared = ['--perms', '1777', '--size', String(sharedMemoryBytes), '--tmpfs', '/dev/shm'];
  const base = isLimited ? ['--bind', root, '/'] : ['--ro-bind', root, '/', ...tmp];
  return [...base, '--proc', '/proc', '--dev', '/dev', ...shared, '--remount-ro', '/dev'];
}
