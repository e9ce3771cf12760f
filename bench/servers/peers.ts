import { spawnSync } from 'node:child_process';
import { existsSync, globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accepting, freePort, Program } from './program.ts';
import { NotInstalled, type BenchServer, type EchoServer } from './server.ts';

const startSeconds = 60;

function firstLine(command: string, args: readonly string[]): string {
  const { stdout, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 30_000 });
  return error ? '' : stdout.trim().split('\n')[0]!;
}

function requireProgram(command: string, args: readonly string[] = ['--version']): string {
  const { error } = spawnSync(command, args, { timeout: 30_000 });
  if (error) throw new NotInstalled(`${command} is not installed`);
  return command;
}

/** Found once: to look for it stops this process, and with it the readers of others' output. */
let emulatorJar: string | undefined;

function findEmulatorJar(): string {
  const root = firstLine('gcloud', ['info', '--format=value(installation.sdk_root)']);
  const lib = join(root, 'platform', 'pubsub-emulator', 'lib');
  const [jar] = root === '' || !existsSync(lib) ? [] : globSync('*.jar', { cwd: lib });
  if (jar === undefined) throw new NotInstalled('the Pub/Sub emulator is not installed');
  requireProgram('java', ['-version']);
  return join(lib, jar);
}

/** The emulator of the Google Cloud CLI: in memory, not encrypted. */
export async function startEmulator(): Promise<BenchServer> {
  emulatorJar ??= findEmulatorJar();
  const port = await freePort();
  const args = ['-jar', emulatorJar, '--host=127.0.0.1', `--port=${String(port)}`];
  const program = new Program({ command: 'java', args });
  await accepting(port, startSeconds);
  return {
    name: 'emulator',
    address: `127.0.0.1:${String(port)}`,
    port,
    stop: () => program.stop(),
  };
}

/** JetStream with a file store under a cipher; NATS itself syncs every two minutes. */
export async function startNats(directory: string): Promise<BenchServer> {
  requireProgram('nats-server');
  const port = await freePort();
  const config = join(directory, 'nats.conf');
  writeFileSync(
    config,
    [
      `host: "127.0.0.1"`,
      `port: ${String(port)}`,
      `jetstream { store_dir: "${join(directory, 'nats')}", cipher: chachapoly, key: "bench" }`,
    ].join('\n'),
  );
  const program = new Program({ command: 'nats-server', args: ['-c', config] });
  await program.line(/Server is ready/, startSeconds);
  return { name: 'nats', address: `127.0.0.1:${String(port)}`, port, stop: () => program.stop() };
}

/** A stream with the append-only file synced before every answer. */
export async function startRedis(directory: string): Promise<BenchServer> {
  requireProgram('redis-server');
  const port = await freePort();
  const program = new Program({
    command: 'redis-server',
    args: `--bind 127.0.0.1 --port ${String(port)} --appendonly yes --appendfsync always`
      .split(' ')
      .concat('--save', '', '--dir', directory),
  });
  await accepting(port, startSeconds);
  return { name: 'redis', address: `127.0.0.1:${String(port)}`, port, stop: () => program.stop() };
}

/** Our own grpc-js, Fastify and ws with nothing behind them. */
export async function startEcho(): Promise<EchoServer> {
  const entry = new URL('../echo-server.ts', import.meta.url).pathname;
  const program = new Program({ command: process.execPath, args: [entry] });
  const [, grpc, http, websocket] = await program.line(
    /"grpc":(\d+),"http":(\d+),"websocket":(\d+)/,
    startSeconds,
  );
  return {
    name: 'echo',
    address: `127.0.0.1:${grpc!}`,
    httpAddress: `127.0.0.1:${http!}`,
    webSocketAddress: `127.0.0.1:${websocket!}`,
    port: Number(grpc),
    stop: () => program.stop(),
  };
}
