import { statfsSync } from 'node:fs';
import { roomError } from './backup-error.ts';

/** Left free for everybody else: the disk may be that of the running server. */
const marginBytes = 64 * 1024 * 1024;
/** Others fill the disk too, while it is being written to. */
const lowBytes = marginBytes / 2;

/** Throws RpcError RESOURCE_EXHAUSTED unless `bytes` fit below `folder`, which holds `directory`. */
export function requireRoom(directory: string, folder: string, bytes: number): void {
  const free = freeBytes(folder);
  if (free < bytes + marginBytes) throw roomError(directory, bytes + marginBytes, free);
}

/** The same on the way, of what is still to be written. */
export function requireRoomLeft(directory: string, bytes: number): void {
  const free = freeBytes(directory);
  if (free < lowBytes) throw roomError(directory, bytes + lowBytes, free);
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
