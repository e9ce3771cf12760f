import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { imageConfig, revisionOf } from '../../../test/support/instance-bench.ts';
import { placeInTree } from './drivers/tree-path.ts';
import { commandOf } from './instance-command.ts';
import { cpuMillisOf, memoryBytesOf } from './resource-quantity.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sealpost-tree-'));
  mkdirSync(join(root, 'etc'));
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0::/root:/bin/sh\napp:x:1001:1002::/var/lib/app:\n',
  );
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nstaff:x:50:app\n');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('a command', () => {
  test.each([
    [[], [], ['serve', '--quickly']],
    [[], ['-v'], ['serve', '-v']],
    [['other'], [], ['other']],
    [['other'], ['-v'], ['other', '-v']],
  ])('%j with arguments %j is %j', (command, args, argv) => {
    expect(commandOf(revisionOf({ command, args }), imageConfig, root).argv).toEqual(argv);
  });

  test('of neither image nor service is refused', () => {
    const config = { ...imageConfig, entrypoint: [], cmd: [] };
    expect(() => commandOf(revisionOf(), config, root)).toThrow(/neither an entrypoint nor/);
  });

  test('carries nothing that could end an argument early', () => {
    const env = [{ name: 'A', value: 'x\0--bind\0/\0/host' }];
    const config = { ...imageConfig, env: ['B\0=1', '=2', 'C=3\0'], workingDir: '/w\0/x' };
    const command = commandOf(revisionOf({ command: ['a\0b'], env }), config, root);
    expect(command.argv).toEqual(['a']);
    expect(command.cwd).toBe('/w');
    expect(command.env).toMatchObject({ A: 'x', C: '3' });
    expect(JSON.stringify(command)).not.toContain('\\u0000');
  });
});

describe('a user', () => {
  test.each([
    ['', 0, 0, '/root'],
    ['app', 1001, 1002, '/var/lib/app'],
    ['1001', 1001, 1002, '/var/lib/app'],
    ['4000', 4000, 0, '/'],
    ['app:staff', 1001, 50, '/var/lib/app'],
    ['7:8', 7, 8, '/'],
  ])('%j is %i:%i at %s', (user, uid, gid, home) => {
    const command = commandOf(revisionOf(), { ...imageConfig, user }, root);
    expect(command).toMatchObject({ uid, gid });
    expect(command.env['HOME']).toBe(home);
  });

  test.each(['nobody', 'app:nobodies', '65536', '1:99999999'])('%j is refused', (user) => {
    expect(() => commandOf(revisionOf(), { ...imageConfig, user }, root)).toThrow(/is not in its/);
  });

  test('is looked up at the start of a file, however large the image made it', () => {
    truncateSync(join(root, 'etc/passwd'), 3 * 2 ** 30);
    truncateSync(join(root, 'etc/group'), 3 * 2 ** 30);
    const command = commandOf(revisionOf(), { ...imageConfig, user: 'app:staff' }, root);
    expect(command).toMatchObject({ uid: 1001, gid: 50 });
  });

  test('is refused in few words, however long its name is', () => {
    const user = 'a'.repeat(8_000_000);
    expect(() => commandOf(revisionOf(), { ...imageConfig, user }, root)).toThrow(/^.{1,300}$/);
  });

  test('is looked up in the tree, wherever its links point', () => {
    rmSync(join(root, 'etc'), { recursive: true });
    mkdirSync(join(root, 'real/etc'), { recursive: true });
    writeFileSync(join(root, 'real/etc/passwd'), 'daemon:x:7:7::/:\n');
    symlinkSync('../../../../../../real/etc', join(root, 'etc'));
    const command = commandOf(revisionOf(), { ...imageConfig, user: 'daemon' }, root);
    expect(command).toMatchObject({ uid: 7, gid: 7 });
    rmSync(join(root, 'real/etc/passwd'));
    symlinkSync('/etc/passwd', join(root, 'real/etc/passwd'));
    // A loop inside, and not the host's file.
    expect(placeInTree(root, '/etc/passwd')).toBeNull();
    expect(() => commandOf(revisionOf(), { ...imageConfig, user: 'daemon' }, root)).toThrow();
  });
});

describe('quantities', () => {
  test.each([
    ['512Mi', 536_870_912],
    ['1Gi', 1_073_741_824],
    ['1.5G', 1_500_000_000],
    ['100000k', 100_000_000],
    ['4096', 4096],
  ])('%s is %i bytes', (quantity, bytes) => {
    expect(memoryBytesOf(quantity)).toBe(bytes);
  });

  test.each([
    ['1', 1000],
    ['500m', 500],
    ['0.08', 80],
    ['8', 8000],
  ])('%s is %i thousandths of a processor', (quantity, millis) => {
    expect(cpuMillisOf(quantity)).toBe(millis);
  });

  test.each(['', '0', '-1', 'much', '1 Gi', '1e9', '999999999Ti', '1Gib'])('%j is none', (text) => {
    expect(() => memoryBytesOf(text)).toThrow(/is no quantity/);
    if (!text.startsWith('9')) expect(() => cpuMillisOf(text)).toThrow(/is no quantity/);
  });
});
