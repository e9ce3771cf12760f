import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Clock, Logger } from '../../../runtime/index.ts';
import type { Ingress } from '../ingress.ts';
import type { InstanceExit, InstanceSpec, RunningInstance } from '../instance-driver.ts';
import type { ControlGroup } from './control-group.ts';
import type { InstanceRecords } from './instance-records.ts';
import { isRunning, type ProcessIdentity, signalProcess } from './process-identity.ts';

/** What an instance consists of, outside. */
export interface InstanceParts {
  readonly spec: InstanceSpec;
  /** The program that runs it, and ends with it. */
  readonly keeper: ChildProcess;
  /** Its first process. */
  readonly first: ProcessIdentity;
  readonly ingress: Ingress;
  readonly group: ControlGroup | null;
  readonly records: InstanceRecords;
  readonly clock: Clock;
  readonly log: Logger;
}

export function closedProcess(
  child: ChildProcess,
): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

/** @param closed of the keeper, asked for before it could end */
export function runningInstance(
  parts: InstanceParts,
  closed: ReturnType<typeof closedProcess>,
): RunningInstance {
  let wasKilled = false;
  return {
    pid: parts.first.pid,
    exited: closed.then((end) => finish(parts, end, () => wasKilled)),
    connect: (port = parts.spec.port) => parts.ingress.connect(port),
    signal: (name) => {
      if (name === 'SIGKILL') wasKilled = true;
      signalProcess(parts.first, name);
    },
  };
}

/** All of it is gone when this resolves: processes, group, socket and record. */
async function finish(
  parts: InstanceParts,
  end: { code: number | null; signal: string | null },
  wasKilled: () => boolean,
): Promise<InstanceExit> {
  const { first, group, ingress, records, spec, log } = parts;
  ingress.close();
  // Its keeper may have ended before it.
  await ended(first, parts.clock);
  const memory = group?.memoryEnd() ?? { isOutOfMemory: false, peakBytes: null };
  try {
    await group?.remove();
    records.remove(spec.id);
  } catch (error) {
    log.error({ err: error, instance: spec.id }, 'what an instance left could not be removed');
  }
  const exit = exitOf(end);
  return {
    ...exit,
    isOutOfMemory: memory.isOutOfMemory && exit.signal === 'SIGKILL' && !wasKilled(),
    ...(memory.peakBytes !== null && { memoryPeakBytes: memory.peakBytes }),
  };
}

const lookMs = 5;

async function ended(identity: ProcessIdentity, clock: Clock): Promise<void> {
  while (isRunning(identity)) {
    signalProcess(identity, 'SIGKILL');
    await new Promise<void>((resolve) => {
      clock.schedule(clock.monotonicMs() + lookMs, resolve);
    });
  }
}

/** A keeper tells of a signal as shells do: 128 and its number. */
function exitOf(end: { code: number | null; signal: string | null }): {
  code: number | null;
  signal: string | null;
} {
  if (end.code === null || end.code <= 128) return end;
  const named = Object.entries(constants.signals).find(([, value]) => value === end.code! - 128);
  return named === undefined ? end : { code: null, signal: named[0] };
}
