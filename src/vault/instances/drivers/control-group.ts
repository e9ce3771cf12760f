import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../runtime/index.ts';
import type { InstanceLimits } from '../instance-driver.ts';
import { identityOf, signalProcess } from './process-identity.ts';

/** How the memory of what ran in a group ended; only of one that was killed. */
export interface MemoryEnd {
  readonly isOutOfMemory: boolean;
  /** The most that was in use, bytes; null: not known. */
  readonly peakBytes: number | null;
}

/** The folders of one instance, one for each hierarchy that limits something. */
export interface ControlGroup {
  readonly folders: readonly string[];
  /** As runc is to be told of a folder beneath, in all hierarchies. */
  readonly pathBelow: (name: string) => string;
  add(pid: number): void;
  memoryEnd(): MemoryEnd;
  /** Ends what still runs in it, and removes it. */
  remove(): Promise<void>;
}

/** One value to write into a folder; what is optional may be refused. */
interface Setting {
  readonly file: string;
  readonly value: string;
  readonly isOptional?: boolean;
}

/** Where a controller's folders are, and what is written into one. */
export interface Hierarchy {
  readonly parent: string;
  readonly settings: (limits: InstanceLimits) => readonly Setting[];
}

const periodUs = 100_000;
/** The kernel takes no less. */
const quotaUsMin = 1000;

function quotaUs({ cpuMillis }: InstanceLimits): number {
  return Math.max(quotaUsMin, Math.round((cpuMillis * periodUs) / 1000));
}

/** Settings of version 1, by controller. */
export const settingsOfV1: Readonly<
  Record<'memory' | 'pids' | 'cpu', (limits: InstanceLimits) => readonly Setting[]>
> = {
  memory: ({ memoryBytes }) => [
    { file: 'memory.limit_in_bytes', value: String(memoryBytes) },
    { file: 'memory.memsw.limit_in_bytes', value: String(memoryBytes), isOptional: true },
  ],
  pids: ({ pids }) => [{ file: 'pids.max', value: String(pids) }],
  cpu: (limits) => [
    { file: 'cpu.cfs_period_us', value: String(periodUs) },
    { file: 'cpu.cfs_quota_us', value: String(quotaUs(limits)) },
  ],
};

/** Settings of version 2, where one folder has all controllers. */
export function settingsOfV2(limits: InstanceLimits): readonly Setting[] {
  return [
    { file: 'memory.max', value: String(limits.memoryBytes) },
    { file: 'memory.swap.max', value: '0', isOptional: true },
    { file: 'memory.oom.group', value: '1', isOptional: true },
    { file: 'pids.max', value: String(limits.pids) },
    { file: 'cpu.max', value: `${quotaUs(limits)} ${periodUs}`, isOptional: true },
  ];
}

/** Where the folders of instances are. */
export interface GroupPlaces {
  readonly hierarchies: readonly Hierarchy[];
  /** Hierarchies that limit nothing, in which programs may make folders nevertheless. */
  readonly others: readonly string[];
  /** As the kernel calls the one hierarchy of version 2; null: each is relative to our own. */
  readonly path: string | null;
}

/** Makes the folders of an instance and writes its limits; all or nothing. */
export function createControlGroup(
  { hierarchies, others, path }: GroupPlaces,
  name: string,
  limits: InstanceLimits,
  clock: Clock,
): ControlGroup {
  const folders: string[] = [];
  try {
    for (const { parent, settings } of hierarchies) {
      const folder = join(parent, name);
      mkdirSync(folder);
      folders.push(folder);
      for (const setting of settings(limits)) write(folder, setting);
    }
  } catch (error) {
    for (const folder of folders) rmdirSync(folder);
    throw error;
  }
  const all = [...folders, ...others.map((parent) => join(parent, name))];
  let isDivided = false;
  return {
    folders: all,
    pathBelow: (below) => {
      isDivided = true;
      return path === null ? join(name, below) : join(path, name, below);
    },
    add: (pid) => {
      for (const folder of folders) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
    },
    memoryEnd: () => memoryEndOf(folders, isDivided),
    remove: () => removeControlGroup(all, clock),
  };
}

function write(folder: string, { file, value, isOptional }: Setting): void {
  try {
    writeFileSync(join(folder, file), value);
  } catch (error) {
    if (isOptional !== true) throw error;
  }
}

/** Between two looks at whether the last process has gone, and how often to look. */
const removalMs = 10;
const removalLooks = 500;

/** Ends all that runs there, also in folders beneath, and removes them. */
export async function removeControlGroup(folders: readonly string[], clock: Clock): Promise<void> {
  for (let look = 1; look <= removalLooks; look++) {
    const left = folders.filter((folder) => !removed(folder));
    if (left.length === 0) return;
    if (look === removalLooks) throw new Error(`${left.join(', ')} cannot be removed`);
    await new Promise<void>((resolve) => {
      clock.schedule(clock.monotonicMs() + removalMs, resolve);
    });
  }
}

function removed(folder: string): boolean {
  try {
    for (const pid of read(folder, 'cgroup.procs')?.split('\n') ?? []) {
      const identity = pid === '' ? null : identityOf(Number(pid));
      if (identity !== null) signalProcess(identity, 'SIGKILL');
    }
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removed(join(folder, entry.name));
    }
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}

function memoryEndOf(folders: readonly string[], isDivided: boolean): MemoryEnd {
  for (const folder of folders) {
    const events = read(folder, 'memory.events') ?? read(folder, 'memory.oom_control');
    if (events === null) continue;
    const kills = Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
    const peak = read(folder, 'memory.peak') ?? read(folder, 'memory.max_usage_in_bytes');
    return {
      isOutOfMemory: kills > 0 || (isDivided && isExhausted(folder, peak)),
      peakBytes: peak === null ? null : Number(peak),
    };
  }
  return { isOutOfMemory: false, peakBytes: null };
}

/**
 * Version 1 counts a kill only in the folder of the process that was killed, which runc makes
 * beneath ours and removes: what is left to see is that all of the memory was in use.
 */
function isExhausted(folder: string, peak: string | null): boolean {
  const limit = read(folder, 'memory.limit_in_bytes');
  return limit !== null && peak !== null && Number(peak) >= Number(limit);
}

function read(folder: string, file: string): string | null {
  try {
    return readFileSync(join(folder, file), 'utf8');
  } catch {
    return null;
  }
}
