import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from 'vitest';
import { gzipSync } from 'node:zlib';

import {
  blobsOf,
  layoutIndex,
  makeImage,
  makeIndex,
  makeTar,
  type TarEntry,
  writeImageLayout,
  writeLayout,
} from '../../../../test/support/oci-image.ts';
import { never, openSources, refusalOf } from '../../../../test/support/registry-bench.ts';
import type { ImageSource } from '../image-source.ts';

const base = mkdtempSync(join(tmpdir(), 'sealpost-layouts-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Of coreutils. */
const pipeMaker = 'mkfifo';
let made = 0;
const newPath = (): string => join(base, String(made++));
const tar = await makeTar([{ name: 'x', data: 'y'.repeat(50_000) }]);
const image = makeImage([tar], { compression: 'none' });
const other = makeImage([tar], { config: { User: '5' } });

const source = (reference: string): ImageSource =>
  openSources([], { allowsLocal: true }).sources.open(reference);
const refusal = (reference: string): Promise<[string, string, string]> =>
  refusalOf(source(reference).resolve(never));

/** The members of an archive of the image. */
function members(more: (entry: TarEntry) => TarEntry = (entry) => entry): TarEntry[] {
  const blobs = blobsOf(image).map(({ digest, bytes }) => ({
    name: `blobs/${digest.replace(':', '/')}`,
    data: bytes,
  }));
  const index = JSON.stringify(layoutIndex([{ tag: 'v1', top: image.manifest }]));
  return [...blobs, { name: 'index.json', data: index }].map(more);
}

function archive(bytes: Buffer): string {
  const path = newPath();
  writeFileSync(path, bytes);
  return `oci-archive:${path}`;
}

describe('a layout in a folder', () => {
  test('gives its image by tag, and from any byte on', async () => {
    const folder = newPath();
    const named = [
      { tag: 'v1', top: image.manifest },
      { tag: 'v2', top: other.manifest },
    ];
    writeLayout(folder, named, [...blobsOf(image), ...blobsOf(other)]);
    const found = source(`oci:${folder}:v2`);
    expect(found.reference).toBe(`oci:${folder}:v2`);
    const { digest, config, layers } = await found.resolve(never);
    expect([digest, config.user]).toEqual([other.manifest.digest, '5']);
    const rest = await buffer(await found.open(layers[0]!, 100, never));
    expect(rest.equals(other.layers[0]!.bytes.subarray(100))).toBe(true);
    expect(await buffer(await found.open(layers[0]!, layers[0]!.size, never))).toHaveLength(0);
  });

  test('of one image needs no tag; of several it does', async () => {
    const folder = newPath();
    writeImageLayout(folder, image);
    expect((await source(`oci:${folder}`).resolve(never)).digest).toBe(image.manifest.digest);
    writeLayout(folder, [{ tag: 'a', top: image.manifest }, { top: other.manifest }], []);
    expect((await refusal(`oci:${folder}`))[2]).toContain('a tag is needed');
  });

  test('may hold an index', async () => {
    const folder = newPath();
    const top = makeIndex([{ image, platform: { os: 'linux', architecture: 'amd64' } }]);
    writeLayout(folder, [{ tag: 'v1', top }], blobsOf(image));
    const found = await source(`oci:${folder}:v1`).resolve(never);
    expect([found.digest, found.indexDigest]).toEqual([image.manifest.digest, top.digest]);
  });

  test('without the tag, or not there at all, is an image that is not found', async () => {
    const folder = newPath();
    writeImageLayout(folder, image);
    for (const reference of [`oci:${folder}:v9`, `oci:${newPath()}`, `oci:${folder}/index.json`]) {
      expect(await refusal(reference)).toEqual([
        'NOT_FOUND',
        'IMAGE_NOT_FOUND',
        `Image '${reference}' not found.`,
      ]);
    }
  });

  test('with a changed, a short, a missing or a linked blob is refused', async () => {
    const folder = newPath();
    const { digest } = image.config;
    const path = join(folder, 'blobs', digest.replace(':', '/'));
    writeImageLayout(folder, image);
    const bytes = readFileSync(path);
    bytes[5] = bytes[5]! ^ 1;
    writeFileSync(path, bytes);
    expect((await refusal(`oci:${folder}`))[2]).toContain('another digest');
    truncateSync(path, 9);
    expect((await refusal(`oci:${folder}`))[2]).toContain('size');
    rmSync(path);
    expect((await refusal(`oci:${folder}`))[2]).toContain(`${digest} is not in the layout`);
    symlinkSync('/etc/passwd', path);
    expect((await refusal(`oci:${folder}`))[2]).toContain('cannot be opened (ELOOP)');
  });

  test('that is a pipe is no regular file, and nobody waits for its other end', async () => {
    const folder = newPath();
    writeImageLayout(folder, image);
    rmSync(join(folder, 'index.json'));
    execFileSync(pipeMaker, [join(folder, 'index.json')]);
    expect((await refusal(`oci:${folder}`))[2]).toContain('no regular file');
  });

  test('gives no more once it is left', async () => {
    const folder = newPath();
    writeImageLayout(folder, image);
    const life = new AbortController();
    const stream = await source(`oci:${folder}`).open(image.layers[0]!, 0, life.signal);
    life.abort(new Error('enough'));
    await expect(buffer(stream)).rejects.toThrow('enough');
  });
});

describe('a layout in an archive', () => {
  const pathOf = (name: string): TarEntry['pax'] => ({ path: name });

  test.each([
    ['plain names', (entry: TarEntry) => entry],
    ['names from ./ on', (entry: TarEntry) => ({ ...entry, name: `./${entry.name}` })],
    ['pax headers', (entry: TarEntry) => ({ ...entry, name: 'short', pax: pathOf(entry.name) })],
  ])('with %s is read in place', async (_, more) => {
    const found = source(`${archive(await makeTar(members(more)))}:v1`);
    const { digest, layers } = await found.resolve(never);
    expect(digest).toBe(image.manifest.digest);
    const rest = await buffer(await found.open(layers[0]!, 7, never));
    expect(rest.equals(image.layers[0]!.bytes.subarray(7))).toBe(true);
  });

  const hasTar = spawnSync('tar', ['--version']).status === 0;
  test.skipIf(!hasTar).each([
    ['gnu', 'sha512'],
    ['pax', 'sha512'],
    ['ustar', 'sha256'],
  ] as const)(
    'as tar writes it in the format %s, with %s (needs tar)',
    async (format, algorithm) => {
      const folder = newPath();
      const long = makeImage([tar], { algorithm });
      writeImageLayout(folder, long);
      const path = newPath();
      execFileSync('tar', [`--format=${format}`, '-C', folder, '-cf', path, '.']);
      const { config } = await source(`oci-archive:${path}`).resolve(never);
      expect(config.diffIds).toEqual([long.layers[0]!.diffId]);
    },
  );

  test.each([
    ['compressed', async () => gzipSync(await makeTar(members())), 'is compressed'],
    ['no tar', () => Buffer.alloc(2_048, 'x'), 'is no tar'],
    ['empty', () => Buffer.alloc(0), 'is empty'],
    [
      'cut',
      async () => {
        const whole = await makeTar(members());
        return whole.subarray(0, whole.indexOf('index.json') + 600);
      },
      'is cut short',
    ],
    [
      'changed in a header',
      async () => {
        const whole = await makeTar(members());
        whole[0] = whole[0]! ^ 1;
        return whole;
      },
      'is no tar',
    ],
  ])('that is %s is refused', async (_, bytes, words) => {
    const [code, reason, text] = await refusal(archive(await bytes()));
    expect([code, reason]).toEqual(['FAILED_PRECONDITION', 'IMAGE_INVALID']);
    expect(text).toContain(words);
  });

  test('that is not there is not found', async () => {
    expect((await refusal(`oci-archive:${newPath()}:v1`))[1]).toBe('IMAGE_NOT_FOUND');
  });

  test('whose links are not files of it', async () => {
    const linked = members(({ data, ...entry }) =>
      entry.name === 'index.json'
        ? { ...entry, type: 'symlink', linkname: '/etc/passwd' }
        : { ...entry, ...(data !== undefined && { data }) },
    );
    expect((await refusal(archive(await makeTar(linked))))[1]).toBe('IMAGE_NOT_FOUND');
  });
});
