import type { Environment } from './arguments.ts';

/** The process's variables: the only read of process.env outside of tests. */
export function processEnvironment(): Environment {
  return process.env;
}
