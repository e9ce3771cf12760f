import type { ChildProcess } from 'node:child_process';
import { createConnection, type Socket } from 'node:net';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { compileCacheEnvironment } from '../compile-cache.ts';
import { programEnvironment, spawnProgram } from './drivers/host-program.ts';
import type { ProcessIdentity } from './drivers/process-identity.ts';

/** The only way into an instance: a helper in its network that joins connections to its port. */
export interface Ingress {
  /** Resolves once connections are taken, or when that will never be. */
  readonly isOpen: Promise<boolean>;
  /** Rejects while nobody listens inside. */
  connect(port: number): Promise<Socket>;
  /** Resolves when the helper has ended, before `close` or after. */
  readonly closed: Promise<void>;
  close(): void;
}

export interface IngressPlace {
  /** In the network that is to be entered; ended with us, however we end. */
  readonly first: ProcessIdentity;
  /** Where Unix sockets are to be, `PATH.PORT`: each at most 107 bytes. Nothing may be there. */
  readonly socketPath: string;
  readonly ports: readonly number[];
  /** Whether its user namespace must be entered as well, because we are not root. */
  readonly entersUsers: boolean;
}

/** What a connection begins with if somebody listens inside: no protocol's first byte. */
const joined = 0x06;

const extension: string = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const program: string = fileURLToPath(new URL(`./ingress-main.${extension}`, import.meta.url));
/** It copies bytes: a small heap, and no threads that would compile what runs for so short. */
const nodeFlags = ['--max-old-space-size=64', '--max-semi-space-size=1', '--v8-pool-size=0'];

export function openIngress({ first, socketPath, ports, entersUsers }: IngressPlace): Ingress {
  const namespaces = entersUsers ? ['-U', '-n', '--preserve-credentials'] : ['-n'];
  const { pid, startTicks } = first;
  const command = [execPath, ...nodeFlags, program, socketPath, String(pid), startTicks];
  const args = ['-t', String(pid), ...namespaces, '--', ...command, ...ports.map(String)];
  const child = spawnProgram('nsenter', args, {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...programEnvironment, ...compileCacheEnvironment() },
  });
  child.stdin?.on('error', () => undefined);
  return {
    isOpen: opened(child),
    closed: new Promise((resolve) => {
      child.once('error', () => resolve());
      child.once('close', () => resolve());
    }),
    connect: (port) => connectThrough(`${socketPath}.${port}`),
    close: () => {
      child.stdin?.destroy();
      child.kill('SIGKILL');
    },
  };
}

function opened(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    child.stdout?.once('data', () => resolve(true));
    child.once('error', () => resolve(false));
    child.once('close', () => resolve(false));
  });
}

/** A connection to what listens behind an ingress' socket. */
export function connectThrough(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path: socketPath, allowHalfOpen: true });
    const refuse = (error?: Error): void => {
      socket.destroy();
      reject(error ?? new Error('nobody listens at the port of the instance'));
    };
    const end = (): void => refuse();
    socket.once('error', refuse);
    socket.once('close', end);
    socket.once('end', end);
    const look = (): void => {
      const first = socket.read(1) as Buffer | null;
      if (first === null) return;
      socket.off('readable', look);
      for (const event of ['close', 'end'] as const) socket.off(event, end);
      socket.off('error', refuse);
      if (first[0] === joined) resolve(socket);
      else refuse();
    };
    socket.on('readable', look);
  });
}
