import { exitCodes } from './exit-codes.ts';

type Signal = 'SIGINT' | 'SIGTERM';

/** The process around a command: its standard streams and the wish to end it. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /**
   * Aborts at the first SIGINT or SIGTERM, or when nobody reads standard output any more; a second
   * signal ends the process at once, after `lastWords`. Until this is called, signals end the
   * process as ever.
   */
  stopSignal(lastWords?: () => string): AbortSignal;
}

/** The real process. */
export class ProcessTerminal implements Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly #host: NodeJS.Process;
  #stop: AbortController | undefined;
  #isPipeClosed = false;

  constructor(host: NodeJS.Process) {
    this.#host = host;
    this.stdin = host.stdin;
    this.stdout = host.stdout;
    this.stderr = host.stderr;
    // `| head` closes the pipe when it has enough: an end like any other, no error.
    this.stdout.on('error', this.#onPipeError);
    this.stderr.on('error', this.#onPipeError);
  }

  stopSignal(lastWords: () => string = () => ''): AbortSignal {
    if (this.#stop !== undefined) return this.#stop.signal;
    const stop = new AbortController();
    this.#stop = stop;
    if (this.#isPipeClosed) stop.abort();
    let isAsked = false;
    const onSignal = (signal: Signal): void => {
      if (isAsked) {
        this.stderr.write(lastWords());
        this.#host.exit(signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated);
      }
      isAsked = true;
      stop.abort();
    };
    this.#host.on('SIGINT', onSignal);
    this.#host.on('SIGTERM', onSignal);
    return stop.signal;
  }

  readonly #onPipeError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' && error.code !== 'EOF') {
      // Nothing that follows could be read, and nothing may be acknowledged.
      this.stderr.write(`sealpost: the output cannot be written (${error.code}).\n`);
      this.#host.exit(exitCodes.failed);
    }
    this.#isPipeClosed = true;
    this.#stop?.abort();
  };
}
