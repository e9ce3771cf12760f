import type { InstanceSpec } from '../instance-driver.ts';
import { idsPerInstance } from './user-namespace.ts';

/** What of /proc tells of the host, or would change it. */
const maskedPaths: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
];
const readonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

const mounts: readonly object[] = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'noexec', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
];

/**
 * Before anything of the instance runs: bars it from further user namespaces, and tells the pid of
 * its first process, which the state on the hook's input has.
 */
const hookScript = `set -e
pid=$(sed -n 's/.*"pid":[ ]*\\([0-9]*\\).*/\\1/p')
nsenter -t "$pid" -U sh -c 'echo 0 >/proc/sys/user/max_user_namespaces'
echo "$pid" >"$1.new"
mv "$1.new" "$1"`;

export interface BundleOptions {
  readonly idOffset: number;
  /** Of the control group, as runc takes it. */
  readonly groupPath: string;
  /** Where the hook leaves the pid. */
  readonly pidPath: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** The config.json of an instance: OCI runtime specification 1.0. */
export function runcConfig(
  spec: InstanceSpec,
  { idOffset, groupPath, pidPath, environment }: BundleOptions,
): object {
  const ids = [{ containerID: 0, hostID: idOffset, size: idsPerInstance }];
  const hook = {
    path: '/bin/sh',
    args: ['sh', '-c', hookScript, 'sh', pidPath],
    env: pairs(environment),
  };
  return {
    ociVersion: '1.0.2',
    process: processOf(spec),
    root: { path: spec.root, readonly: false },
    hostname: spec.hostname,
    mounts,
    hooks: { createRuntime: [hook] },
    linux: {
      uidMappings: ids,
      gidMappings: ids,
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount', 'user', 'cgroup'].map((type) => ({
        type,
      })),
      cgroupsPath: groupPath,
      maskedPaths,
      readonlyPaths,
    },
  };
}

function processOf({ argv, env, cwd, uid, gid }: InstanceSpec): object {
  return {
    terminal: false,
    user: { uid, gid },
    args: argv,
    env: pairs(env),
    cwd,
    noNewPrivileges: true,
    capabilities: { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] },
    // Its memory is not for the host's disk: 1 keeps core dumps from pipes, too.
    rlimits: [{ type: 'RLIMIT_CORE', hard: 1, soft: 1 }],
  };
}

function pairs(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}
