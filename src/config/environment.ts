import type { Environment } from './arguments.ts';

/** The process's variables: the only read of process.env outside of tests. */
export function processEnvironment(): Environment {
  return process.env;
}

/** What a start finds of the root key's secrets in the environment. */
export interface RootKeySurroundings {
  /** SEALPOST_ROOT_KEY as it was written. */
  readonly environmentKey?: Uint8Array;
  /** Where systemd put the credentials of this service. */
  readonly credentialsDirectory?: string;
}

/**
 * Takes the root key's secret out of the process's variables, so that no process which is started
 * from here inherits it. What the kernel shows of this one's start stays.
 */
export function takeRootKeySurroundings(): RootKeySurroundings {
  const key = process.env['SEALPOST_ROOT_KEY'] ?? '';
  const credentialsDirectory = process.env['CREDENTIALS_DIRECTORY'] ?? '';
  delete process.env['SEALPOST_ROOT_KEY'];
  return {
    ...(key !== '' && { environmentKey: new TextEncoder().encode(key) }),
    ...(credentialsDirectory !== '' && { credentialsDirectory }),
  };
}
