import type { Container } from '../services/service.ts';
import type { InstanceExit } from './instance-driver.ts';
import { mebibytes } from './resource-quantity.ts';

/** Cloud Run's own words, as its logs and conditions have them. */

/** What a container is called where its owner named none: after its image, `hello-1`. */
export function containerName({ name, image }: Container): string {
  if (name !== undefined && name !== '') return name;
  const last = image.split('@')[0]!.split('/').at(-1)!;
  return `${last.split(':')[0]}-1`;
}

/** A probe as it is named: `Default STARTUP TCP probe`, with where it looks. */
export interface ProbeWords {
  readonly kind: string;
  readonly place: string;
}

function attempts(count: number): string {
  return `${count} attempt${count === 1 ? '' : 's'}`;
}

export function probeSucceeded({ kind, place }: ProbeWords, count: number): string {
  return `${kind} succeeded after ${attempts(count)} for ${place}.`;
}

export function probeFailed({ kind, place }: ProbeWords, count: number, end: string): string {
  const times = `${count} time${count === 1 ? '' : 's'}`;
  return `${kind} failed ${times} consecutively for ${place}. ${end}`;
}

/** Also Cloud Run's grammar. */
export function startTimedOut(port: number): string {
  return (
    'The user-provided container failed to start and listen on the port defined provided by the ' +
    `PORT=${port} environment variable within the allocated timeout. This can happen when the ` +
    'container port is misconfigured or if the timeout is too short. The health check timeout can ' +
    'be extended. Logs for this revision might contain more information.'
  );
}

/** Of an exit that nobody asked for. */
export function exitMessage(exit: InstanceExit, memoryBytes: number, signal: number): string {
  if (exit.isOutOfMemory) {
    const used = mebibytes(exit.memoryPeakBytes ?? memoryBytes);
    return (
      `Memory limit of ${mebibytes(memoryBytes)} exceeded with ${used} used. Consider increasing ` +
      'the memory limit, see https://cloud.google.com/run/docs/configuring/memory-limits'
    );
  }
  if (exit.code === null) return `Container terminated on signal ${signal}.`;
  return `Container called exit(${exit.code}).`;
}

/** Why an instance ended, as its report has it. */
export function exitReason(exit: InstanceExit): string {
  if (exit.isOutOfMemory) return 'out of memory';
  return exit.code === null ? `killed by ${exit.signal}` : `exited with code ${exit.code}`;
}
