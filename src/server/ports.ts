import { pino } from 'pino';

import type { RootKeySurroundings, ServerConfig } from '../config/index.ts';
import { systemEntropy } from '../crypto/index.ts';
import {
  noFailpoints,
  SystemClock,
  type Clock,
  type Entropy,
  type Failpoints,
  type Logger,
} from '../runtime/index.ts';
import type { Store } from '../storage/index.ts';

/** What a test may replace: the moments at which it kills the process, and the log that it reads. */
export interface ServerPorts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly failpoints: Failpoints;
  readonly log: Logger;
  /** Stands between broker and disk, to show that a test would notice a fault there. */
  readonly wrapStore: (store: Store) => Store;
  /** Secrets of the root key that are neither options nor files. */
  readonly rootKeySurroundings: RootKeySurroundings;
  /** Asks whoever started the server for the root key's passphrase; undefined: nobody is there. */
  readonly askPassphrase: (() => Promise<Uint8Array>) | undefined;
}

/** The real ports, but for those that are given. */
export function portsFor(config: ServerConfig, given: Partial<ServerPorts>): ServerPorts {
  return {
    clock: new SystemClock(),
    entropy: systemEntropy(),
    failpoints: noFailpoints,
    log: pino({ level: config.logLevel }, pino.destination({ fd: 2, sync: true })),
    wrapStore: (store) => store,
    rootKeySurroundings: {},
    askPassphrase: undefined,
    ...given,
  };
}
