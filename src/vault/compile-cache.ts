import { getCompileCacheDir } from 'node:module';

/**
 * The environment in which a thread or a helper finds its code compiled, as ours was, from its first
 * file on: in a clone, to strip types takes longer than the rest of its start, and 10 MiB.
 */
export function compileCacheEnvironment(): Readonly<Record<string, string>> {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
}
