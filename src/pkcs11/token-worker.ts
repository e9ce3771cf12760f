import { type ChildProcess, fork } from 'node:child_process';
import type { TokenReply, TokenRequest } from './token-request.ts';

/** A process that works for one client; a test may put its own in its place. */
export interface TokenWorker {
  /** Of its process, for those who look for it from outside. */
  readonly pid: number | undefined;
  /** One at a time: the next only after the reply. */
  send(request: TokenRequest): void;
  /** Ends it at once, whatever it is doing. */
  end(): void;
}

export interface TokenWorkerEvents {
  readonly reply: (reply: TokenReply) => void;
  /** It is gone, by itself or by `end`; nothing more comes. */
  readonly gone: (why: string) => void;
}

export type StartTokenWorker = (events: TokenWorkerEvents) => TokenWorker;

const extension: string = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/**
 * A Node process of its own. It inherits the environment, where vendors' libraries look for their
 * configuration; secrets go by its channel, and the PIN not even there: it reads the file itself.
 */
export function startTokenWorker({ reply, gone }: TokenWorkerEvents): TokenWorker {
  const child = fork(new URL(`./token-process.${extension}`, import.meta.url), {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let isGone = false;
  const leave = (why: string): void => {
    if (isGone) return;
    isGone = true;
    gone(why);
  };
  child.on('message', (message) => {
    rest(child);
    reply(message as TokenReply);
  });
  child.on('error', (error) => leave(error.message));
  child.on('exit', (code, signal) => leave(`its process ended with ${signal ?? code}`));
  rest(child);
  return {
    pid: child.pid,
    send: (request) => {
      child.ref();
      child.channel?.ref();
      if (child.connected) child.send(request, (error) => error && leave(error.message));
    },
    end: () => {
      child.kill('SIGKILL');
      leave('its process was ended');
    },
  };
}

/** Work in flight keeps the server alive, not a token that waits for some. */
function rest(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
}
