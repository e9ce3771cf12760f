import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const chunkBytes = 4 * 1024 * 1024;

/** Every file below the directories; a directory that is not there has none. */
export async function filesBelow(directories: readonly string[]): Promise<string[]> {
  const paths: string[] = [];
  for (const directory of directories) {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    for (const entry of entries) {
      if (entry.isFile()) paths.push(join(entry.parentPath, entry.name));
    }
  }
  return paths;
}

/** Bytes that the files occupy: blocks, not lengths, as a database file may be sparse. */
export async function bytesOnDisk(directories: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const path of await filesBelow(directories)) {
    const { blocks } = await stat(path).catch(() => ({ blocks: 0 }));
    bytes += blocks * 512;
  }
  return bytes;
}

/** Which of the needles (by place in the list) are found in any of the files, byte for byte. */
export async function searchFiles(
  paths: readonly string[],
  needles: readonly Buffer[],
): Promise<Set<number>> {
  const found = new Set<number>();
  for (const path of paths) await searchFile(path, needles, found);
  return found;
}

async function searchFile(
  path: string,
  needles: readonly Buffer[],
  found: Set<number>,
): Promise<void> {
  await using file = await open(path, 'r');
  // A needle may lie across two chunks: the end of each is looked at again with the next.
  const overlap = Math.max(0, ...needles.map(({ length }) => length - 1));
  const buffer = Buffer.alloc(overlap + chunkBytes);
  let kept = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, kept, chunkBytes);
    if (bytesRead === 0) return;
    const view = buffer.subarray(0, kept + bytesRead);
    for (const [place, needle] of needles.entries()) {
      if (!found.has(place) && view.includes(needle)) found.add(place);
    }
    kept = Math.min(overlap, view.length);
    view.copy(buffer, 0, view.length - kept);
  }
}
