import { execFile, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { temporaryFolder } from '../support/server-process.ts';
import { publishOnce, readyUrl } from './ready-line.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const containerfile = join(root, 'deploy', 'container', 'Containerfile');
const wanted = ['buildah', 'debootstrap', 'bwrap'];
const missing = wanted.filter((name) => spawnSync(name, ['--version']).error !== undefined);
const isRoot = process.getuid?.() === 0;
const mayBuild = isRoot && missing.length === 0;
const why = isRoot ? `${missing.join(' and ')} is not installed` : 'only root builds images';
const skipped = mayBuild ? '' : ` (skipped: ${why})`;

const folder = temporaryFolder();
const stores = ['--root', join(folder.path, 'store'), '--runroot', join(folder.path, 'run')];

async function buildah(...argv: string[]): Promise<string> {
  const options = {
    env: { ...process.env, BUILDAH_ISOLATION: 'chroot' },
    maxBuffer: 64 * 1024 * 1024,
  };
  const { stdout } = await run('buildah', [...stores, '--storage-driver=vfs', ...argv], options);
  return stdout.trim();
}

/** Certificate authorities that npm needs on this machine, if it was given any. */
const authorities = process.env['NODE_EXTRA_CA_CERTS'];

/**
 * Stands for the images that the Containerfile names, as no registry of images is asked: Debian's
 * own base, with this Node and npm.
 */
async function baseImage(): Promise<void> {
  const base = join(folder.path, 'base');
  await run('debootstrap', ['--variant=minbase', 'bookworm', base], {
    maxBuffer: 64 * 1024 * 1024,
  });
  copyFileSync(process.execPath, join(base, 'usr/local/bin/node'));
  const npm = dirname(dirname(realpathSync((await run('which', ['npm'])).stdout.trim())));
  cpSync(npm, join(base, 'usr/lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(base, 'usr/bin/npm'));
  copyFileSync('/etc/resolv.conf', join(base, 'etc/resolv.conf'));
  if (authorities !== undefined) copyFileSync(authorities, join(base, 'etc/authorities.pem'));
  const container = await buildah('from', 'scratch');
  await buildah('add', '--quiet', container, base, '/');
  await buildah('commit', '--quiet', container, 'localhost/run');
  if (authorities !== undefined) {
    await buildah('config', '--env', 'NODE_EXTRA_CA_CERTS=/etc/authorities.pem', container);
  }
  await buildah('commit', '--quiet', container, 'localhost/build');
  rmSync(base, { recursive: true });
}

interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly StopSignal: string;
  readonly Volumes: Readonly<Record<string, unknown>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

describe.skipIf(!mayBuild)(`the image${skipped}`, () => {
  let tree = '';
  let config: ImageConfig;

  beforeAll(async () => {
    await baseImage();
    const cache = (await run('npm', ['config', 'get', 'cache'])).stdout.trim();
    const images = ['BUILD_IMAGE=localhost/build', 'RUN_IMAGE=localhost/run'];
    await buildah(
      'build',
      '--format=docker',
      `--volume=${cache}:/root/.npm`,
      ...images.map((image) => `--build-arg=${image}`),
      `--file=${containerfile}`,
      '--tag=localhost/sealpost',
      root,
    );
    const container = await buildah('from', 'localhost/sealpost');
    tree = await buildah('mount', container);
    const inspected = JSON.parse(await buildah('inspect', 'localhost/sealpost')) as {
      readonly Docker: { readonly config: ImageConfig };
    };
    config = inspected.Docker.config;
  }, 400_000);

  /** As an engine would run it: that user, a read-only root, the two volumes, nothing else. */
  function contained(command: readonly string[], env: readonly string[]): string[] {
    const [uid = '', gid = ''] = config.User.split(':');
    const volumes = Object.keys(config.Volumes).flatMap((path) => {
      const source = join(folder.path, path.split('/').at(-1)!);
      mkdirSync(source, { recursive: true, mode: 0o700 });
      return ['--bind', source, path];
    });
    const setenv = [...config.Env, ...env].flatMap((entry) => {
      const mark = entry.indexOf('=');
      return ['--setenv', entry.slice(0, mark), entry.slice(mark + 1)];
    });
    const user = [
      '--unshare-user',
      '--uid',
      uid,
      '--gid',
      gid,
      '--unshare-pid',
      '--cap-drop',
      'ALL',
    ];
    const root = ['--ro-bind', tree, '/', '--dev', '/dev', '--proc', '/proc'];
    return [...user, ...root, ...volumes, '--die-with-parent', '--clearenv', ...setenv, ...command];
  }

  test('runs as nobody in particular, with two volumes, and holds no key of its own', () => {
    expect(config.User).toBe('65532:65532');
    expect(Object.keys(config.Volumes).toSorted()).toEqual([
      '/var/lib/sealpost/data',
      '/var/lib/sealpost/keys',
    ]);
    expect(config.StopSignal).toBe('SIGTERM');
    expect(existsSync(join(tree, 'var/lib/sealpost/keys/root-key'))).toBe(false);
    expect(statSync(join(tree, 'var/lib/sealpost/keys')).mode & 0o777).toBe(0o700);
  });

  test('holds what runs and no more: neither sources, nor tests, nor what builds', () => {
    const installed = join(tree, 'opt/sealpost');
    for (const name of ['src', 'test', 'bench', 'node_modules/typescript', 'node_modules/vitest']) {
      expect(existsSync(join(installed, name)), name).toBe(false);
    }
    expect(existsSync(join(installed, 'dist/main.js'))).toBe(true);
  });

  test('serves from a read-only root, tells its health, and drains on its stop signal', async () => {
    const env = ['SEALPOST_PORT=0'];
    const argv = contained([...config.Entrypoint, ...config.Cmd], env);
    const child = spawn('bwrap', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      const url = await readyUrl(child);
      expect(await publishOnce(url)).toMatch(/^\d{17}$/);
      const [, ...health] = config.Healthcheck.Test;
      const ask = (port: string): number | null =>
        spawnSync('bwrap', contained(health, [`SEALPOST_PORT=${port}`])).status;
      expect(ask(new URL(url).port)).toBe(0);
      expect(ask('1')).toBe(1);
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  });
});

test('every file that the Containerfile copies is one that its context lets in', () => {
  const ignore = readFileSync(join(root, '.dockerignore'), 'utf8');
  const copied = /cp -r (.+?) node_modules/.exec(readFileSync(containerfile, 'utf8'))?.[1] ?? '';
  for (const name of copied.split(' ').filter((each) => each !== 'dist')) {
    expect(ignore.split('\n')).toContain(`!${name}`);
  }
});

afterAll(() => {
  if (mayBuild) spawnSync('buildah', [...stores, '--storage-driver=vfs', 'umount', '--all']);
  if (existsSync(folder.path)) chmodSync(folder.path, 0o700);
  folder.remove();
});
