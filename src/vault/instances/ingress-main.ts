import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { type Socket, connect, createServer } from 'node:net';
import process from 'node:process';

/**
 * The program that lets requests into one instance: `node ingress-main.ts SOCKET PID TICKS
 * PORT …`, started in the instance's network namespace. It takes connections at Unix sockets of the host, `SOCKET.PORT`
 * for each port, which that namespace does not hide, and joins each to its port inside. It ends with
 * its standard input, and then ends the instance as well, whose first process is PID, begun at TICKS:
 * its vault has died, and nothing else would.
 *
 * A connection begins with one byte, `joined`, if somebody listens inside; else it just ends. It
 * imports nothing of ours: it must start fast, once for each instance.
 */
const joined = 0x06;
const hosts = ['127.0.0.1', '::1'];

const [, , socket = '', pid = '', ticks = '', ...ports] = process.argv;

function join(incoming: Socket, port: number, at: number): void {
  const host = hosts[at];
  if (host === undefined || incoming.destroyed) {
    incoming.destroy();
    return;
  }
  const inner = connect({ host, port, allowHalfOpen: true, noDelay: true });
  const next = (): void => join(incoming, port, at + 1);
  inner.once('error', next);
  inner.once('connect', () => {
    inner.off('error', next);
    incoming.write(Uint8Array.of(joined));
    pipe(incoming, inner);
  });
}

function pipe(incoming: Socket, inner: Socket): void {
  for (const [from, to] of [
    [incoming, inner],
    [inner, incoming],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroySoon());
    if (from.destroyed) to.destroy();
  }
}

function listen(port: string): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (incoming) => {
    incoming.on('error', () => incoming.destroy());
    join(incoming, Number(port), 0);
  });
  server.on('error', () => process.exit(1));
  return new Promise((resolve) => {
    server.listen(`${socket}.${port}`, 1024, resolve);
  });
}

function endAll(): void {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[19] === ticks) process.kill(Number(pid), 'SIGKILL');
  } catch {
    // It has ended.
  }
  process.exit(0);
}

process.umask(0o177);
process.stdin.on('end', endAll);
process.stdin.on('error', endAll);
process.stdin.resume();
await Promise.all(ports.map(listen));
process.stdout.write('listening\n');
// It ends by a signal, which keeps nothing: the next one starts twice as fast.
flushCompileCache();
