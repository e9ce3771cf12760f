import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DriverOptions } from '../../src/vault/instances/drivers/sandbox-driver.ts';
import type { InstanceDriver } from '../../src/vault/instances/instance-driver.ts';
import { askInstance, InstanceSandbox } from './instance-sandbox.ts';

/** What every driver owes, whatever it is made of. */
export function driverCases(
  name: 'bwrap' | 'runc',
  create: (options: DriverOptions) => InstanceDriver,
): void {
  let sandbox: InstanceSandbox;

  beforeAll(async () => {
    sandbox = new InstanceSandbox(create);
    await sandbox.driver.check();
  });

  afterAll(() => sandbox.close());

  test('serves HTTP through its own network', async () => {
    const script =
      'mkdir /tmp/www; echo hello >/tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www';
    const { running } = await sandbox.run(script);
    expect(await askInstance(running, '/index.html')).toMatch(/^HTTP\/1\.\d 200 OK[^]*hello/);
  });

  test('a connection is refused while nobody listens', async () => {
    const { running } = await sandbox.run('sleep 1000');
    await expect(running.connect()).rejects.toThrow('nobody listens');
  });

  test('has its arguments, its environment and nothing of ours', async () => {
    const { output } = await sandbox.run('', {
      argv: ['/bin/env'],
      env: { PATH: '/bin', HOME: '/', COLOUR: 'sky blue', EMPTY: '', LINES: 'a\nb' },
      cwd: '/srv/work',
    });
    const lines = (await output()).split('\n').filter((line) => !line.startsWith('PWD='));
    expect(lines.toSorted()).toEqual([
      'COLOUR=sky blue',
      'EMPTY=',
      'HOME=/',
      'LINES=a',
      'PATH=/bin',
      'b',
    ]);
  });

  test('runs as its user in its folder, which is made, first of its processes', async () => {
    const { output } = await sandbox.run('id -u; id -g; pwd; echo $$; hostname; cat /etc/hosts', {
      uid: 1234,
      gid: 99,
      cwd: '/srv/work',
    });
    expect(await output()).toBe(
      '1234\n99\n/srv/work\n1\nlocalhost\n127.0.0.1\tlocalhost\n::1\tlocalhost',
    );
  });

  test('starts in no folder that whoever makes it has open', async () => {
    for (const cwd of ['/proc/self/fd/4', '/proc/self/fd/5', '/proc/self/fd/6', '/dev/fd/5']) {
      const start = sandbox.run('ls ..', { cwd });
      await expect(start).rejects.toThrow('working directory');
    }
  });

  test('has no capability, whoever it is, and no way to one', async () => {
    for (const id of [0, 1000]) {
      const script = 'grep -E "^(Cap|NoNew)" /proc/self/status | tr -d "\\t"';
      const { output } = await sandbox.run(script, { uid: id, gid: id });
      const zeros = '0'.repeat(16);
      expect((await output()).split('\n')).toEqual([
        ...['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => `Cap${set}:${zeros}`),
        'NoNewPrivs:1',
      ]);
    }
  });

  test('its ids are nobody outside', async () => {
    const { running } = await sandbox.run('sleep 1000', { uid: 0, gid: 0 });
    const status = readFileSync(`/proc/${running.pid}/status`, 'utf8');
    const uid = Number(/^Uid:\s+(\d+)/m.exec(status)![1]);
    expect(uid === process.getuid!() || uid >= 0x7000_0000).toBe(true);
    expect(uid).not.toBe(0);
  });

  test('reaches neither a port of ours nor an address of the host', async () => {
    const server = createServer((socket) => socket.end('reached')).listen(0);
    await once(server, 'listening');
    let connections = 0;
    server.on('connection', () => connections++);
    const { port } = server.address() as AddressInfo;
    const addresses = Object.values(networkInterfaces()).flatMap((each) =>
      each!.map(({ address }) => address),
    );
    const targets = [...new Set(['127.0.0.1', '::1', ...addresses])];
    const tries = targets.map(
      (each) => `nc -w 1 ${each} ${port} </dev/null && echo reached ${each}`,
    );
    const { output } = await sandbox.run(
      ['exec 2>/dev/null', ...tries, 'ip -o link | wc -l', 'ip route | wc -l'].join('; '),
    );
    const text = await output();
    expect(text).not.toContain('reached');
    expect(text.split('\n').slice(-2)).toEqual(['1', '0']);
    expect(connections).toBe(0);
    server.close();
  });

  test('sees none of the host’s processes, files and open descriptors', async () => {
    const script =
      'ls / | tr "\\n" " "; echo; ls -d /proc/[0-9]* | wc -l; ls /proc/$$/fd | wc -l; ' +
      `test -e ${import.meta.dirname} && echo seen; test -e /dev/sda && echo seen; ` +
      'cat /etc/resolv.conf | grep nameserver';
    const { output } = await sandbox.run(script);
    const [names, processes, descriptors, ...rest] = (await output()).split('\n');
    expect(names!.trim().split(/\s+/)).toEqual(['bin', 'dev', 'etc', 'proc', 'sys', 'tmp']);
    // Itself, and the pipe that asks.
    expect(Number(processes)).toBeLessThanOrEqual(3);
    const inherited = readdirSync('/proc/self/fd').length;
    expect(Number(descriptors)).toBeLessThanOrEqual(3 + inherited);
    expect(rest).toEqual([]);
  });

  test('cannot make a user namespace, nor mount', async () => {
    const { output } = await sandbox.run(
      'exec 2>/dev/null; unshare -U true && echo made; mount -t tmpfs none /tmp && echo mounted; ' +
        'cat /proc/sys/user/max_user_namespaces',
      { uid: 0, gid: 0 },
    );
    expect(await output()).toBe('0');
  });

  test('ends as out of memory when it takes too much', async () => {
    const { running } = await sandbox.run('head -c 200000000 /dev/zero | tail', {
      argv: ['/bin/tail', '-c', '200000000', '/dev/zero'],
      limits: { memoryBytes: 16 * 2 ** 20, cpuMillis: 1000, pids: 64 },
    });
    expect(await running.exited).toMatchObject({ signal: 'SIGKILL', isOutOfMemory: true });
  });

  test('files that it writes are its memory', async () => {
    const { running } = await sandbox.run('', {
      argv: ['/bin/dd', 'if=/dev/zero', 'of=/tmp/big', 'bs=1M', 'count=64'],
      limits: { memoryBytes: 16 * 2 ** 20, cpuMillis: 1000, pids: 64 },
    });
    expect(await running.exited).toMatchObject({ isOutOfMemory: true });
  });

  test('a fork bomb stays within its processes', async () => {
    const script = 'for i in $(seq 200); do sleep 1000 & done; echo done; sleep 1000';
    const { running, lines } = await sandbox.run(script, {
      limits: { memoryBytes: 64 * 2 ** 20, cpuMillis: 1000, pids: 20 },
    });
    const isRefused = (line: string): boolean => line.includes('fork');
    while (!lines.some(isRefused) && !lines.includes('done')) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(lines.some(isRefused)).toBe(true);
    running.signal('SIGKILL');
    expect(await running.exited).toMatchObject({ isOutOfMemory: false });
  });

  test('SIGTERM is its own to handle', async () => {
    const script = 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.05; done';
    const { running, lines } = await sandbox.run(script);
    while (!lines.includes('ready')) await new Promise((resolve) => setImmediate(resolve));
    running.signal('SIGTERM');
    expect(await running.exited).toMatchObject({ code: 7, signal: null });
    expect(lines).toContain('bye');
  });

  test('SIGKILL ends all of it, and leaves no socket, record or group', async () => {
    const { running } = await sandbox.run('trap "" TERM; sleep 1000 & sleep 1000');
    const groups = readFileSync(`/proc/${running.pid}/cgroup`, 'utf8');
    running.signal('SIGTERM');
    running.signal('SIGKILL');
    expect(await running.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(existsSync(`/proc/${running.pid}`)).toBe(false);
    const id = /sealpost-(t\d+)/.exec(groups)?.[1];
    const left = readdirSync(join(sandbox.folder, name)).filter((file) =>
      file.startsWith(`${id}.`),
    );
    expect(left).toEqual([]);
  });

  test('a line without end is cut, and what is no text is replaced', async () => {
    const script = "head -c 40000 /dev/zero | tr '\\0' a; echo; printf '\\377b\\r\\n'; printf end";
    const { output } = await sandbox.run(script);
    const lines = (await output()).split('\n');
    expect(lines.map((line) => line.length)).toEqual([16_384, 16_384, 7232, 2, 3]);
    expect(lines.slice(3)).toEqual(['�b', 'end']);
  });

  test('a vault that is killed takes its instances with it, and the next sweeps the rest', async () => {
    const holder = join(import.meta.dirname, 'instance-holder.ts');
    const args = [holder, name, sandbox.folder];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    const pid = Number(said.toString());
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'close');
    while (isRunning(pid)) await new Promise((resolve) => setImmediate(resolve));
    expect(await sandbox.driver.sweep()).toBe(1);
    expect(await sandbox.driver.sweep()).toBe(0);
    const left = readdirSync(join(sandbox.folder, name)).filter((file) => file.startsWith('held'));
    expect(left).toEqual([]);
  });
}

function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
