import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pid } from 'node:process';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../../test/support/virtual-clock.ts';
import { bwrapArguments } from './bwrap-arguments.ts';
import { findControlGroups } from './control-groups.ts';
import { readLines } from './output-lines.ts';
import { prepareTree } from './prepared-tree.ts';
import { identityOf, isRunning } from './process-identity.ts';
import { placeInTree } from './tree-path.ts';

const limits = { memoryBytes: 64 * 2 ** 20, cpuMillis: 500, pids: 32 };
const clock = new VirtualClock();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-drivers-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a tree that is made ready', () => {
  const spec = { hostname: 'localhost', cwd: '/job/here', idOffset: null };

  test('has folders to mount on, and names of its own, wherever its links lead', () => {
    const root = join(folder, 'root');
    const outside = join(folder, 'outside');
    for (const path of [join(root, 'run'), outside]) mkdirSync(path, { recursive: true });
    writeFileSync(join(outside, 'hosts'), 'host');
    symlinkSync(outside, join(root, 'proc'));
    symlinkSync('/oldroot/tmp', join(root, 'tmp'));
    symlinkSync('run', join(root, 'etc'));
    symlinkSync(join(outside, 'hosts'), join(root, 'run/resolv.conf'));
    symlinkSync('/run/w', join(root, 'job'));
    prepareTree({ root, ...spec });
    for (const name of ['proc', 'dev', 'tmp', 'sys']) {
      expect(lstatSync(join(root, name)).isDirectory()).toBe(true);
    }
    expect(readFileSync(join(root, 'run/hosts'), 'utf8')).toBe(
      '127.0.0.1\tlocalhost\n::1\tlocalhost\n',
    );
    expect(readFileSync(join(root, 'run/resolv.conf'), 'utf8')).not.toContain('nameserver');
    expect(readdirSync(outside)).toEqual(['hosts']);
    expect(readFileSync(join(outside, 'hosts'), 'utf8')).toBe('host');
    expect(existsSync(join(root, 'run/w/here'))).toBe(true);
  });

  // Bubblewrap changes its folder while it still holds the host's /proc open.
  test.each([
    '/proc/self/fd/5',
    '/proc/self/../../..',
    '/dev/fd/5',
    '/to-proc/self/fd/5',
    '/to-descriptor',
    '/job/../to-proc/1',
    '/file',
    `/${'a/'.repeat(2_048)}`,
  ])('has no working directory that leads out of it: %.40s', (cwd) => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'proc/self/fd/5'), { recursive: true });
    mkdirSync(join(root, 'dev'));
    symlinkSync('/proc', join(root, 'to-proc'));
    symlinkSync('to-proc/self/fd/5', join(root, 'to-descriptor'));
    symlinkSync('/proc/self/fd', join(root, 'dev/fd'));
    writeFileSync(join(root, 'file'), '');
    expect(() => prepareTree({ root, ...spec, cwd })).toThrow(/working directory/);
  });

  test.each([2_000, 4_000_000])('a working directory of %i names keeps nobody waiting', (names) => {
    const root = join(folder, 'root');
    mkdirSync(root);
    const cwd = '/a'.repeat(names);
    expect(() => prepareTree({ root, ...spec, cwd })).toThrow(/working directory/);
  });
});

test('a way in a tree that its links make long without end leads nowhere', () => {
  const deep = join(folder, 'd/'.repeat(100));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'passwd'), '');
  symlinkSync('d/'.repeat(100), join(folder, 'once'));
  symlinkSync(`once${'/..'.repeat(100)}/once`, join(folder, 'twice'));
  expect(placeInTree(folder, '/once/passwd')?.stats?.isFile()).toBe(true);
  expect(placeInTree(folder, '/twice/passwd')).toBeNull();
});

describe('output', () => {
  test('is read a piece at a time: who writes faster waits', async () => {
    const stream = new PassThrough();
    const lines: string[] = [];
    readLines(stream, clock, (line) => lines.push(line));
    stream.write('one\ntwo\nthr');
    await clock.settle();
    expect(lines).toEqual(['one', 'two']);
    stream.write('ee\n');
    await clock.settle();
    expect(lines).toEqual(['one', 'two']);
    await clock.advance(5);
    expect(lines).toEqual(['one', 'two', 'three']);
    stream.end('four');
    await clock.advance(10);
    expect(lines.at(-1)).toBe('four');
  });

  test('a long line is cut between characters', async () => {
    const stream = new PassThrough();
    const lines: string[] = [];
    readLines(stream, clock, (line) => lines.push(line));
    stream.end(`a${'한'.repeat(10_000)}`);
    await clock.advance(20);
    expect(lines.join('')).toBe(`a${'한'.repeat(10_000)}`);
    for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(16_384);
  });
});

test('arguments of bubblewrap cannot be smuggled in', () => {
  const spec = { id: 'i', root: '/r', argv: ['a'], cwd: '/', uid: 0, gid: 0, idOffset: 0 };
  const rest = { hostname: 'h', port: 1, limits, onLine: () => undefined };
  const env = { A: 'x\0--bind\0/\0/host' };
  expect(() => bwrapArguments({ ...spec, ...rest, env }, true)).toThrow(/NUL/);
});

test('a process is known by when it began, too', () => {
  const own = identityOf(pid)!;
  expect(isRunning(own)).toBe(true);
  expect(isRunning({ ...own, startTicks: '1' })).toBe(false);
});

describe('control groups', () => {
  const describeMachine = (mountinfo: string, cgroup: string): void => {
    writeFileSync(join(folder, 'mountinfo'), mountinfo);
    writeFileSync(join(folder, 'cgroup'), cgroup);
  };

  test('version 2: one folder with all limits beneath our own', () => {
    const own = join(folder, 'fs/service');
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, 'cgroup.controllers'), 'cpuset cpu io memory pids\n');
    describeMachine(
      `30 20 0:26 / ${folder}/fs rw - cgroup2 cgroup2 rw,nsdelegate\n`,
      '0::/service\n',
    );
    const groups = findControlGroups(clock, folder)!;
    expect(groups.version).toBe(2);
    expect(readFileSync(join(own, 'cgroup.subtree_control'), 'utf8')).toBe('+memory +pids +cpu');
    const group = groups.create('sealpost-1', limits);
    const of = (file: string): string => readFileSync(join(own, 'sealpost-1', file), 'utf8');
    expect(of('memory.max')).toBe('67108864');
    expect(of('pids.max')).toBe('32');
    expect(of('cpu.max')).toBe('50000 100000');
    expect(group.pathBelow('box')).toBe('/service/sealpost-1/box');
    writeFileSync(join(own, 'sealpost-1/memory.events'), 'oom 1\noom_kill 1\n');
    writeFileSync(join(own, 'sealpost-1/memory.peak'), '67108864\n');
    expect(group.memoryEnd()).toEqual({ isOutOfMemory: true, peakBytes: 67_108_864 });
  });

  test('version 1: a folder in each hierarchy, where a container sees only a part', () => {
    const mounts = ['memory', 'pids', 'cpu,cpuacct', 'freezer'].map((names, index) => {
      const point = join(folder, names);
      mkdirSync(join(point, 'own'), { recursive: true });
      return `${30 + index} 20 0:26 /docker/1 ${point} rw - cgroup cgroup rw,${names}`;
    });
    const own = ['memory', 'pids', 'cpu,cpuacct', 'freezer'].map(
      (names, index) => `${index}:${names}:/docker/1/own`,
    );
    describeMachine(mounts.join('\n'), own.join('\n'));
    const groups = findControlGroups(clock, folder)!;
    expect(groups.version).toBe(1);
    const group = groups.create('sealpost-1', limits);
    const limit = join(folder, 'memory/own/sealpost-1/memory.limit_in_bytes');
    expect(readFileSync(limit, 'utf8')).toBe('67108864');
    expect(group.folders).toContain(join(folder, 'freezer/own/sealpost-1'));
    expect(group.pathBelow('box')).toBe('sealpost-1/box');
  });

  test('none where none can be written', () => {
    describeMachine('30 20 0:26 / /proc rw - cgroup2 cgroup2 rw\n', '0::/nowhere\n');
    expect(findControlGroups(clock, folder)).toBeNull();
  });
});
