import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { pid } from 'node:process';
import type { Clock } from '../../../runtime/index.ts';
import type { InstanceLimits } from '../instance-driver.ts';
import {
  type ControlGroup,
  createControlGroup,
  type GroupPlaces,
  type Hierarchy,
  settingsOfV1,
  settingsOfV2,
} from './control-group.ts';

/** Control groups of our own beneath our own: limits of memory, processes and CPU time. */
export interface ControlGroups {
  readonly version: 1 | 2;
  create(name: string, limits: InstanceLimits): ControlGroup;
}

interface GroupMount {
  readonly point: string;
  /** Which folder of the hierarchy is there. */
  readonly root: string;
  readonly type: 'cgroup' | 'cgroup2';
  readonly controllers: readonly string[];
}

/**
 * What this process may limit; null: nothing. Version 1 where it has the memory controller, else
 * version 2, for which this process moves into a folder `sealpost` beneath its own if it must: the
 * kernel limits no folder that has both processes and folders.
 *
 * @param processFolder holds `mountinfo` and `cgroup`, as /proc/self does
 */
export function findControlGroups(
  clock: Clock,
  processFolder: string = '/proc/self',
): ControlGroups | null {
  const mounts = mountsIn(processFolder);
  const groups = groupsIn(processFolder);
  const v1 = hierarchiesOfV1(mounts, groups);
  if (v1 !== null && isWritable(v1)) {
    const others = othersOfV1(mounts, groups);
    return { version: 1, create: creator({ hierarchies: v1, others, path: null }, clock) };
  }
  const v2 = hierarchyOfV2(mounts, groups);
  if (v2 !== null && isWritable([v2])) {
    const path = groups.get('') ?? '/';
    return { version: 2, create: creator({ hierarchies: [v2], others: [], path }, clock) };
  }
  return null;
}

function creator(places: GroupPlaces, clock: Clock): ControlGroups['create'] {
  return (name, limits) => createControlGroup(places, name, limits, clock);
}

function othersOfV1(mounts: readonly GroupMount[], groups: ReadonlyMap<string, string>): string[] {
  return mounts.flatMap((mount) => {
    const isOther = !mount.controllers.some((each) => each in settingsOfV1);
    const controller = mount.controllers.find((each) => groups.has(each));
    const key = mount.type === 'cgroup2' ? '' : controller;
    const path = key === undefined ? undefined : groups.get(key);
    return isOther && path !== undefined ? [placeOf(mount, path)] : [];
  });
}

function hierarchiesOfV1(
  mounts: readonly GroupMount[],
  groups: ReadonlyMap<string, string>,
): Hierarchy[] | null {
  const of = (controller: keyof typeof settingsOfV1): Hierarchy | null => {
    const mount = mounts.find((each) => each.controllers.includes(controller));
    const path = groups.get(controller);
    if (mount === undefined || path === undefined) return null;
    return { parent: placeOf(mount, path), settings: settingsOfV1[controller] };
  };
  const [memory, pids, cpu] = [of('memory'), of('pids'), of('cpu')];
  return memory && pids && cpu ? [memory, pids, cpu] : null;
}

function hierarchyOfV2(
  mounts: readonly GroupMount[],
  groups: ReadonlyMap<string, string>,
): Hierarchy | null {
  const mount = mounts.find(({ type }) => type === 'cgroup2');
  const path = groups.get('');
  if (mount === undefined || path === undefined) return null;
  const parent = placeOf(mount, path);
  return delegates(parent) ? { parent, settings: settingsOfV2 } : null;
}

/** Hands the controllers down to folders beneath, where that is allowed. */
function delegates(parent: string): boolean {
  const hand = (): void =>
    writeFileSync(join(parent, 'cgroup.subtree_control'), '+memory +pids +cpu');
  try {
    const offered = readFileSync(join(parent, 'cgroup.controllers'), 'utf8').trim().split(' ');
    if (!['memory', 'pids', 'cpu'].every((each) => offered.includes(each))) return false;
    try {
      hand();
    } catch {
      mkdirSync(join(parent, 'sealpost'), { recursive: true });
      writeFileSync(join(parent, 'sealpost', 'cgroup.procs'), String(pid));
      hand();
    }
    return true;
  } catch {
    return false;
  }
}

/** By making and removing a folder: modes alone do not tell. */
function isWritable(hierarchies: readonly Hierarchy[]): boolean {
  try {
    for (const { parent } of hierarchies) {
      const folder = join(parent, `sealpost-try-${pid}`);
      mkdirSync(folder);
      rmdirSync(folder);
    }
    return true;
  } catch {
    return false;
  }
}

/** Our own folder: a mount may show only a part of the hierarchy, or none of what is above us. */
function placeOf({ point, root }: GroupMount, path: string): string {
  const below = posix.relative(root, path);
  return below.startsWith('..') ? point : join(point, below);
}

function mountsIn(processFolder: string): GroupMount[] {
  return linesOf(processFolder, 'mountinfo').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root, point] = left.split(' ');
    const [type, , options] = right.split(' ');
    if ((type !== 'cgroup' && type !== 'cgroup2') || !root || !point) return [];
    return [{ point, root, type, controllers: options?.split(',') ?? [] }];
  });
}

/** Our folder by controller; of version 2 under the empty name. */
function groupsIn(processFolder: string): Map<string, string> {
  const entries = linesOf(processFolder, 'cgroup').flatMap((line) => {
    const [, controllers = '', ...path] = line.split(':');
    return controllers.split(',').map((each) => [each, path.join(':')] as const);
  });
  return new Map(entries);
}

function linesOf(folder: string, file: string): string[] {
  try {
    return readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
