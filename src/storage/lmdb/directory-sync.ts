import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes names in a directory, or the bytes of a file, durable. */
export function syncPath(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
