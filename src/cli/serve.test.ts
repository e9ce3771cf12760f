import { EventEmitter, once } from 'node:events';
import { expect, test } from 'vitest';
import { serve, type HostProcess, type RunningServer } from './serve.ts';

class FakeProcess extends EventEmitter implements HostProcess {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
    this.emit('exited');
  }
}

const server = (
  stop: () => Promise<void>,
  reload: () => void = () => undefined,
): RunningServer => ({
  url: 'http://127.0.0.1:1',
  reload,
  stop,
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s stops the server, once it was ready',
  async (signal) => {
    const host = new FakeProcess();
    const events: string[] = [];
    const running = server(async () => void events.push('stopped'));
    const done = serve(
      async () => running,
      host,
      (line) => {
        events.push(line);
        host.emit(signal, signal);
      },
    );
    await done;
    expect(events).toEqual(['Sealpost is ready at http://127.0.0.1:1', 'stopped']);
    expect(host.exits).toEqual([]);
    expect(host.listenerCount(signal)).toBe(0);
  },
);

test('a signal during the start stops the server as soon as it runs, and says nothing', async () => {
  const host = new FakeProcess();
  const lines: string[] = [];
  let stops = 0;
  await serve(
    async () => {
      host.emit('SIGTERM', 'SIGTERM');
      return server(async () => void stops++);
    },
    host,
    (line) => lines.push(line),
  );
  expect([lines, stops]).toEqual([[], 1]);
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a second %s ends the process at once with %i', async (signal, code) => {
  const host = new FakeProcess();
  const drain = Promise.withResolvers<void>();
  const exited = once(host, 'exited');
  const done = serve(
    async () => server(() => drain.promise),
    host,
    () => {
      host.emit('SIGTERM', 'SIGTERM');
      host.emit(signal, signal);
    },
  );
  await exited;
  expect(host.exits).toEqual([code]);
  drain.resolve();
  await done;
});

test('a server that does not start leaves no signal handler behind', async () => {
  const host = new FakeProcess();
  const failing = serve(
    () => Promise.reject(new Error('no disk')),
    host,
    () => undefined,
  );
  await expect(failing).rejects.toThrow('no disk');
  expect(host.listenerCount('SIGTERM')).toBe(0);
});

test('SIGHUP has a running server read its files again, and ends nothing', async () => {
  const host = new FakeProcess();
  const events: string[] = [];
  const running = server(
    async () => void events.push('stopped'),
    () => events.push('reloaded'),
  );
  await serve(
    async () => {
      host.emit('SIGHUP');
      return running;
    },
    host,
    () => {
      host.emit('SIGHUP');
      host.emit('SIGTERM');
    },
  );
  expect(events).toEqual(['reloaded', 'stopped']);
  expect(host.listenerCount('SIGHUP')).toBe(0);
});
