/** A server that answers, until it is stopped. */
export interface RunningServer {
  /** Such as `http://127.0.0.1:8085`. */
  readonly url: string;
  /** Drains and closes; what was answered is durable when it resolves. */
  stop(): Promise<void>;
}

/** What `serve` needs of a process. */
export interface HostProcess {
  on(signal: 'SIGINT' | 'SIGTERM', listener: (signal: 'SIGINT' | 'SIGTERM') => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM', listener: (signal: 'SIGINT' | 'SIGTERM') => void): unknown;
  exit(code: number): void;
}

/** 128 + the signal's number, as shells count. */
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs a server until SIGINT or SIGTERM, then drains it. A second signal ends the process at once:
 * that is safe at any instruction, only less polite to clients. Resolves when it has stopped.
 */
export async function serve(
  start: () => Promise<RunningServer>,
  host: HostProcess,
  print: (line: string) => void,
): Promise<void> {
  let isStopping = false;
  const stopped = Promise.withResolvers<void>();
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (isStopping) host.exit(exitCodes[signal]);
    isStopping = true;
    stopped.resolve();
  };
  host.on('SIGINT', onSignal);
  host.on('SIGTERM', onSignal);
  try {
    const server = await start();
    // A script that waits for this line may connect as soon as it reads it.
    if (!isStopping) print(`Sealpost is ready at ${server.url}`);
    await stopped.promise;
    await server.stop();
  } finally {
    host.off('SIGINT', onSignal);
    host.off('SIGTERM', onSignal);
  }
}
