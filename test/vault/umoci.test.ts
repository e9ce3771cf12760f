import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { benchKey, type ImageBench, openImageBench } from '../support/image-bench.ts';
import {
  type Compression,
  makeImage,
  makeTar,
  type MediaTypes,
  type TarEntry,
  writeImageLayout,
} from '../support/oci-image.ts';
import { treeListing } from '../support/tree-listing.ts';

const hasUmoci = spawnSync('umoci', ['--version'], { stdio: 'ignore' }).status === 0;
const isRoot = process.getuid?.() === 0;
const suffix = hasUmoci
  ? isRoot
    ? ''
    : ' (skipped: not root)'
  : ' (skipped: umoci is not installed)';

let bench: ImageBench;
beforeEach(async () => {
  bench = await openImageBench();
});
afterEach(() => bench.close());

const dir = (name: string, rest: Partial<TarEntry> = {}): TarEntry => ({
  name: `${name}/`,
  type: 'directory',
  mode: 0o755,
  ...rest,
});
const file = (name: string, data: string = name, rest: Partial<TarEntry> = {}): TarEntry => ({
  name,
  data,
  mode: 0o644,
  ...rest,
});
const symlink = (name: string, linkname: string): TarEntry => ({
  name,
  type: 'symlink',
  linkname,
});
const hardLink = (name: string, linkname: string): TarEntry => ({ name, type: 'link', linkname });
const gone = (name: string): TarEntry => file(name, '');

/** Each is an image: its layers, the lowest first. */
const images: Readonly<Record<string, readonly (readonly TarEntry[])[]>> = {
  'one layer with every kind': [
    [
      dir('./', { mode: 0o711 }),
      dir('etc'),
      file('etc/passwd', 'root:x:0:0::/:/bin/sh\n', { uid: 3, gid: 4 }),
      file('etc/secret', 'x', { mode: 0o400, uid: 65_534, gid: 65_534 }),
      dir('tmp', { mode: 0o1777 }),
      file('bin/su', 'elf', { mode: 0o4755 }),
      file('bin/wall', 'elf', { mode: 0o2755, gid: 5 }),
      dir('var/mail', { mode: 0o2775, gid: 8 }),
      symlink('bin/sh', 'su'),
      symlink('absolute', '/etc/passwd'),
      symlink('dangling', '../../nowhere'),
      hardLink('bin/su2', 'bin/su'),
      file('empty', ''),
      file(`long/${'d'.repeat(90)}/${'n'.repeat(120)}`, 'pax path'),
      file('unicode/é中\u{1f600}', 'utf8'),
      file('big', 'sealpost '.repeat(40_000)),
    ],
  ],
  'whiteouts of files and directories': [
    [file('a', 'a'), dir('d'), file('d/x'), dir('d/e'), file('d/e/y'), file('keep'), file('d/z')],
    [gone('.wh.a'), gone('d/.wh.e'), file('d/new'), gone('.wh.absent'), gone('no/.wh.thing')],
  ],
  'a whiteout beside what takes its place': [
    [dir('d'), file('d/x', 'old'), file('f', 'old')],
    [gone('.wh.d'), dir('d'), file('d/y'), file('f', 'new'), gone('.wh.f')],
    [dir('d'), file('d/y', 'newer'), gone('.wh.d')],
  ],
  'opaque directories': [
    [dir('d'), file('d/a'), dir('d/sub'), file('d/sub/b'), dir('e'), file('e/a')],
    [dir('d'), gone('d/.wh..wh..opq'), file('d/new')],
    [dir('e'), file('e/new'), gone('e/.wh..wh..opq'), gone('absent/.wh..wh..opq')],
  ],
  'an opaque root': [
    [file('a'), dir('d'), file('d/x')],
    [file('b'), gone('.wh..wh..opq')],
  ],
  'hard links across layers': [
    [file('a', 'same', { uid: 7 }), hardLink('b', 'a'), dir('d'), file('gone', 'kept by a link')],
    [hardLink('d/c', 'a'), hardLink('d/kept', 'gone'), gone('.wh.gone'), gone('.wh.b')],
    [gone('.wh.a')],
  ],
  'one of two hard links that a later layer replaces': [
    [file('a', 'one'), hardLink('b', 'a')],
    [file('a', 'two')],
  ],
  'a hard link over what is there': [
    [file('a', 'one'), file('b', 'two'), symlink('s', 'a')],
    [hardLink('b', 'a'), hardLink('s', 'a')],
  ],
  'merged /usr': [
    [
      dir('usr'),
      dir('usr/bin'),
      dir('usr/lib'),
      symlink('bin', 'usr/bin'),
      symlink('lib', '/usr/lib'),
    ],
    [
      file('bin/tool', 'through a symlink'),
      file('lib/libc', 'absolute'),
      hardLink('lib/l2', 'bin/tool'),
    ],
    [gone('bin/.wh.tool'), file('usr/bin/other')],
  ],
  'symlinks through symlinks': [
    [
      dir('a/b/c'),
      symlink('one', 'a/b'),
      symlink('a/two', '../one/c'),
      symlink('loop', '/a/two'),
      symlink('up', 'a/b/..'),
    ],
    [file('loop/deep'), file('a/two/deeper'), file('up/level')],
  ],
  'what changes its kind': [
    [
      file('file-to-dir'),
      dir('dir-to-file'),
      file('dir-to-file/x'),
      symlink('link-to-dir', 'real'),
      dir('real'),
      file('real/r'),
      symlink('link-to-file', 'real'),
      file('file-to-link'),
    ],
    [
      dir('file-to-dir'),
      file('file-to-dir/y'),
      file('dir-to-file', 'now'),
      dir('link-to-dir'),
      file('link-to-dir/z'),
      file('link-to-file', 'now'),
      symlink('file-to-link', 'real'),
    ],
  ],
  'directories that a later layer changes': [
    [dir('d', { mode: 0o700, uid: 1 }), file('d/x')],
    [dir('d', { mode: 0o750, gid: 2 })],
    [file('d/y')],
  ],
  'entries that come twice': [
    [file('a', 'first'), file('a', 'second'), dir('d'), dir('d', { mode: 0o700 })],
  ],
};

describe.skipIf(!hasUmoci || !isRoot)(`the tree of an image is umoci's${suffix}`, () => {
  test.each(Object.keys(images))('%s', async (name) => {
    const tars = await Promise.all(images[name]!.map(makeTar));
    expect(await opened(tars)).toEqual(await unpacked(tars));
  });

  test.each([
    ['gzip', 'docker'],
    ['zstd', 'oci'],
    ['none', 'docker'],
  ] as const)('%s layers under the media types of %s', async (compression, mediaTypes) => {
    const tar = await makeTar([dir('d'), file('d/x', 'y'.repeat(200_000))]);
    expect(await opened([tar], compression, mediaTypes)).toEqual(await unpacked([tar]));
  });
});

async function opened(
  tars: readonly Buffer[],
  compression: Compression = 'gzip',
  mediaTypes: MediaTypes = 'oci',
): Promise<string[]> {
  bench.sources.add('img', makeImage(tars, { compression, mediaTypes }));
  const image = await bench.import('img');
  const request = { root: join(bench.folder, 'tree'), idOffset: 0, bytesMax: 1e9 };
  const { signal } = new AbortController();
  const { root } = await bench.images.openTree(image, benchKey(), request, signal);
  return treeListing(root);
}

async function unpacked(tars: readonly Buffer[]): Promise<string[]> {
  const layout = join(bench.folder, 'layout');
  writeImageLayout(layout, makeImage(tars));
  const bundle = join(bench.folder, 'bundle');
  execFileSync('umoci', ['unpack', '--image', `${layout}:v1`, bundle], { stdio: 'pipe' });
  return treeListing(join(bundle, 'rootfs'));
}
