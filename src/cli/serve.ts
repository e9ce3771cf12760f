/** A server that answers, until it is stopped. */
export interface RunningServer {
  /** Such as `http://127.0.0.1:8085`. */
  readonly url: string;
  /** Reads again what may have changed beside it: the files of TLS. */
  reload(): void;
  /** Drains and closes; what was answered is durable when it resolves. */
  stop(): Promise<void>;
}

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** What `serve` needs of a process. */
export interface HostProcess {
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
  exit(code: number): void;
}

/** 128 + the signal's number, as shells count. */
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs a server until SIGINT or SIGTERM, then drains it; SIGHUP has it read its certificate again. A second signal ends the process at once:
 * that is safe at any instruction, only less polite to clients. Resolves when it has stopped.
 */
export async function serve(
  start: () => Promise<RunningServer>,
  host: HostProcess,
  print: (line: string) => void,
): Promise<void> {
  let isStopping = false;
  const stopped = Promise.withResolvers<void>();
  let running: RunningServer | undefined;
  const endOn = (signal: keyof typeof exitCodes) => (): void => {
    if (isStopping) host.exit(exitCodes[signal]);
    isStopping = true;
    stopped.resolve();
  };
  const listeners = {
    SIGINT: endOn('SIGINT'),
    SIGTERM: endOn('SIGTERM'),
    // A server that is still starting reads everything anyway.
    SIGHUP: () => running?.reload(),
  };
  const each = Object.entries(listeners) as [Signal, () => void][];
  for (const [signal, listener] of each) host.on(signal, listener);
  try {
    const server = await start();
    running = server;
    // A script that waits for this line may connect as soon as it reads it.
    if (!isStopping) print(`Sealpost is ready at ${server.url}`);
    await stopped.promise;
    await server.stop();
  } finally {
    for (const [signal, listener] of each) host.off(signal, listener);
  }
}
