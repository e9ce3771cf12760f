import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { cp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { imageVerifiable } from '../../src/vault/images/image-verification.ts';
import { SystemClock } from '../../src/runtime/index.ts';
import { RpcError } from '../../src/rpc/index.ts';
import type { StoredImage } from '../../src/vault/images/image-vault.ts';
import { defaultLayerLimits } from '../../src/vault/layers/layer-entry.ts';
import { readLayerIndex } from '../../src/vault/layers/layer-index.ts';
import { benchKey, benchOwner, type ImageBench, openImageBench } from '../support/image-bench.ts';
import { type MadeImage, makeImage, makeTar } from '../support/oci-image.ts';

let bench: ImageBench;
beforeEach(async () => {
  bench = await openImageBench();
});
afterEach(() => bench.close());

const never: AbortSignal = new AbortController().signal;

/** Of several chunks, so that damage can be in the middle. */
const noise: Buffer = Buffer.concat(
  Array.from({ length: 8_000 }, (_, index) => createHash('sha256').update(`${index}`).digest()),
);

async function twoLayers(): Promise<MadeImage> {
  const below = await makeTar([
    { name: 'bin/', type: 'directory', mode: 0o755 },
    { name: 'bin/tool', data: noise, mode: 0o755 },
  ]);
  const above = await makeTar([{ name: 'etc/motd', data: 'hello' }]);
  return makeImage([below, above], { config: { Env: ['SECRET=1'] } });
}

const treeRoot = (): string => join(bench.folder, 'tree');

async function openTree(image: StoredImage, signal = never): Promise<readonly string[]> {
  const request = { root: treeRoot(), idOffset: null, bytesMax: 1e9 };
  const tree = await bench.images.openTree(image, benchKey(), request, signal);
  return tree.config.env;
}

/** What a refusal says, and that nothing is left of it. */
async function refusal(work: Promise<unknown>): Promise<RpcError> {
  const error = await work.then(
    () => expect.unreachable('it was not refused'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RpcError);
  expect(existsSync(treeRoot())).toBe(false);
  expect(readdirSync(join(bench.folder, 'staging'))).toEqual([]);
  return error as RpcError;
}

describe('an import', () => {
  test('takes each layer once, with one use of the key, and tells how far it is', async () => {
    bench.sources.add('img', await twoLayers());
    const image = await bench.import('img');
    expect(await openTree(image)).toEqual(['SECRET=1']);
    expect(readFileSync(join(treeRoot(), 'bin/tool')).equals(noise)).toBe(true);
    expect(readFileSync(join(treeRoot(), 'etc/motd'), 'utf8')).toBe('hello');
    expect(bench.keyUses).toEqual([benchOwner]);
    const told = bench.progress.map((event) => (event.kind === 'layer' ? event.state : event.kind));
    expect(told).toEqual(['resolved', 'started', 'bytes', 'stored', 'started', 'bytes', 'stored']);
    expect(await bench.images.get(benchOwner, image.digest)).toEqual(image);
    expect(await bench.images.list()).toEqual([image]);
  });

  test('fetches nothing that is here', async () => {
    bench.sources.add('img', await twoLayers());
    await bench.import('img');
    bench.sources.opened.length = 0;
    await bench.import('img');
    expect(bench.sources.opened).toEqual([]);
    expect(bench.keyUses).toHaveLength(2);
  });

  test('goes on where another one ended', async () => {
    const made = await twoLayers();
    bench.sources.add('img', made);
    const second = made.layers[1]!.digest;
    const broken = (): Readable => Readable.from(failing(made.layers[1]!.bytes.subarray(0, 20)));
    bench.sources.forged.set(second, broken);
    await expect(bench.import('img')).rejects.toThrow('the line is down');
    expect(await bench.images.list()).toEqual([]);
    bench.sources.forged.clear();
    bench.sources.opened.length = 0;
    await openTree(await bench.import('img'));
    expect(bench.sources.opened).toEqual([second]);
  });

  test('that is stopped leaves no files and no thread', async () => {
    const made = await twoLayers();
    bench.sources.add('img', made);
    const stopper = new AbortController();
    const [first] = made.layers;
    bench.sources.forged.set(first!.digest, () => Readable.from(endless(first!.bytes, stopper)));
    const error = await refusal(bench.import('img', stopper.signal));
    expect([error.code, error.reason]).toEqual(['CANCELLED', 'IMAGE_WORK_STOPPED']);
    expect(readdirSync(join(bench.folder, 'objects'))).toEqual([]);
  });

  test('beside another of the same image: both end well, one object is kept', async () => {
    bench.sources.add('img', await twoLayers());
    const images = await Promise.all([bench.import('img'), bench.import('img')]);
    expect(images[0].layers).toEqual(images[1].layers);
    expect(await bench.stored()).toHaveLength(2);
    expect(readdirSync(join(bench.folder, 'staging'))).toEqual([]);
    await openTree(images[0]);
  });

  test('under another key is another object', async () => {
    bench.sources.add('img', await twoLayers());
    const [layer] = (await bench.import('img')).layers;
    const name = bench.objects.nameOf(benchKey(8), layer!.diffId);
    expect(name).not.toBe(layer!.object);
  });
});

describe('a layer that is not what it should be is refused', () => {
  test.each([
    ['a blob of other bytes', (blob: Buffer) => flipped(blob, 100)],
    ['a blob that is cut', (blob: Buffer) => blob.subarray(0, -1)],
    ['a blob with more', (blob: Buffer) => Buffer.concat([blob, Buffer.alloc(1)])],
  ])('%s', async (_, forge) => {
    const made = await twoLayers();
    bench.sources.add('img', made);
    const [layer] = made.layers;
    bench.sources.forged.set(layer!.digest, () => Readable.from([forge(layer!.bytes)]));
    const error = await refusal(bench.import('img'));
    expect(error.reason).toBe('IMAGE_INVALID');
    expect(error.message).toMatch(/layer 1 of 2: its (blob|gzip stream)/);
    expect(await bench.stored()).toEqual([]);
  });

  test('a tar of another diff_id', async () => {
    const [one, other] = [await makeTar([{ name: 'a' }]), await makeTar([{ name: 'b' }])];
    const made = makeImage([one]);
    const { diffId } = makeImage([other]).layers[0]!;
    bench.sources.add('img', { ...made, layers: [{ ...made.layers[0]!, diffId }] });
    expect((await refusal(bench.import('img'))).message).toContain('diff_id of the config');
  });

  test.each(['gzip', 'zstd'] as const)('a bomb of %s', async (compression) => {
    await bench.close();
    const limits = { ...defaultLayerLimits, ratioFreeBytes: 1_000_000, ratioMax: 100 };
    bench = await openImageBench({ limits });
    const tar = await makeTar([{ name: 'zeros', data: Buffer.alloc(20_000_000) }]);
    bench.sources.add('img', makeImage([tar], { compression }));
    const { message } = await refusal(bench.import('img'));
    expect(message).toContain('more than 100 times as large as its blob');
  });

  test('an image of more bytes than are allowed, over all its layers', async () => {
    await bench.close();
    bench = await openImageBench({ limits: { ...defaultLayerLimits, tarBytesMax: 300_000 } });
    const tar = async (name: string): Promise<Buffer> =>
      makeTar([{ name, data: noise.subarray(0, 200_000) }]);
    bench.sources.add('img', makeImage([await tar('a'), await tar('b')]));
    expect((await refusal(bench.import('img'))).message).toMatch(/layer 2 of 2: .*larger than/);
  });

  test('layers that do not fit each other', async () => {
    const below = await makeTar([{ name: 's', type: 'symlink', linkname: '../..' }]);
    const above = await makeTar([{ name: 's/etc/passwd', data: 'x' }]);
    bench.sources.add('img', makeImage([below, above]));
    const { message } = await refusal(bench.import('img'));
    expect(message).toContain('entry "s/etc/passwd": a symlink leads its path out of the root');
    expect(await bench.images.list()).toEqual([]);
  });
});

describe('damage of what is stored is noticed before a byte of it is used', () => {
  let image: StoredImage;
  beforeEach(async () => {
    bench.sources.add('img', await twoLayers());
    image = await bench.import('img');
  });
  const data = (layer: number): string => bench.objects.files(image.layers[layer]!.object).dataPath;
  const index = (layer: number): string =>
    bench.objects.files(image.layers[layer]!.object).indexPath;

  const flipAt = (path: string, at: number): void => {
    const bytes = readFileSync(path);
    writeFileSync(path, flipped(bytes, at < 0 ? bytes.length + at : at));
  };

  test.each<readonly [string, () => void | Promise<void>]>([
    ['a bit of the header', () => flipAt(data(0), 20)],
    ['a bit of the first chunk', () => flipAt(data(0), 70)],
    ['a bit of a chunk in the middle', () => flipAt(data(0), 150_000)],
    ['a bit of the index', () => flipAt(index(0), 200)],
    ["a bit of the index's seal", () => flipAt(index(0), -1)],
    ['a layer that is cut at a chunk', () => truncateSync(data(0), 64 + 65_552)],
    [
      'a layer that is cut by a byte',
      () => truncateSync(data(0), readFileSync(data(0)).length - 1),
    ],
    ['an empty file', () => truncateSync(data(0), 0)],
    ['an index that is cut', () => truncateSync(index(0), 40)],
    ['an empty index', () => truncateSync(index(1), 0)],
    [
      'chunks that were exchanged',
      () => {
        const bytes = readFileSync(data(0));
        const [first, second] = [bytes.subarray(64, 65_616), bytes.subarray(65_616, 131_168)];
        const rest = bytes.subarray(131_168);
        writeFileSync(data(0), Buffer.concat([bytes.subarray(0, 64), second, first, rest]));
      },
    ],
    [
      'two layers that were exchanged',
      async () => {
        for (const path of [data, index]) {
          await rename(path(0), `${path(0)}.x`);
          await rename(path(1), path(0));
          await rename(`${path(0)}.x`, path(1));
        }
      },
    ],
    ["another layer's data", () => cp(data(1), data(0))],
    ["another layer's index", () => cp(index(1), index(0))],
    [
      'a path in the index',
      () =>
        writeFileSync(
          index(1),
          readFileSync(index(1)).toString('latin1').replace('motd', 'mot_'),
          'latin1',
        ),
    ],
  ])('%s', async (_, damage) => {
    await damage();
    const error = await refusal(openTree(image));
    expect([error.code, error.reason]).toEqual(['DATA_LOSS', 'LAYER_TAMPERED']);
    const { damaged } = await bench.images.verifyImage(image, benchKey(), never);
    expect(damaged.length).toBeGreaterThan(0);
  });

  test('a file that is gone', async () => {
    await bench.objects.collect(new Set(), -1_000);
    expect((await refusal(openTree(image))).reason).toBe('LAYER_MISSING');
  });

  test('another key', async () => {
    const request = { root: treeRoot(), idOffset: null, bytesMax: 1e9 };
    const key = benchKey(8);
    const error = await refusal(bench.images.openTree(image, key, request, never));
    expect(error.code).toBe('DATA_LOSS');
    expect([...key.bytes].some((byte) => byte !== 0)).toBe(false);
  });

  test('an image of other layers than its config names', async () => {
    const layers = image.layers.toReversed();
    expect((await refusal(openTree({ ...image, layers }))).code).toBe('DATA_LOSS');
  });

  test('what is whole is whole, and its index is read without a key', async () => {
    const { damaged, chunks } = await bench.images.verifyImage(image, benchKey(), never);
    expect([damaged, chunks]).toEqual([[], 5]);
    expect((await readLayerIndex(index(1))).entries).toMatchObject([{ path: 'etc/motd', size: 5 }]);
  });
});

test('a verification without keys finds files that are missing, cut, or of another layer', async () => {
  bench.sources.add('img', await twoLayers());
  const { layers } = await bench.import('img');
  const { meta, objects } = bench;
  const part = imageVerifiable({ rows: meta, meta, objects, clock: new SystemClock() });
  const verified = async (): Promise<{ passed: number; damaged: string[] }> => {
    const seen = { passed: 0, damaged: [] as string[] };
    const sink = {
      expect: () => undefined,
      passed: (count: number) => void (seen.passed += count),
      damaged: (_: string, problem: string) => void seen.damaged.push(problem),
      unread: () => undefined,
    };
    await part.verify(sink, never);
    return seen;
  };
  expect(await verified()).toEqual({ passed: 3, damaged: [] });
  const [below, above] = layers.map(({ object }) => objects.files(object));
  truncateSync(below!.dataPath, 100);
  await cp(below!.indexPath, above!.indexPath);
  const damaged = ['the layer has another size', 'the index is of another layer'];
  expect(await verified()).toEqual({ passed: 1, damaged });
  await objects.collect(new Set(), -1_000);
  expect((await verified()).damaged).toEqual(Array(2).fill('a file of it is missing'));
});

describe('a tree', () => {
  test('that is larger than allowed is refused before its first byte', async () => {
    bench.sources.add('img', await twoLayers());
    const image = await bench.import('img');
    const request = { root: treeRoot(), idOffset: null, bytesMax: image.unpackedBytes - 1 };
    const error = await refusal(bench.images.openTree(image, benchKey(), request, never));
    expect(error.reason).toBe('IMAGE_TOO_LARGE');
    const enough = { ...request, bytesMax: image.unpackedBytes };
    const { bytes } = await bench.images.openTree(image, benchKey(), enough, never);
    expect(bytes).toBe(image.unpackedBytes);
  });

  test('whose opening is stopped is not there', async () => {
    bench.sources.add('img', await twoLayers());
    const image = await bench.import('img');
    const error = await refusal(openTree(image, AbortSignal.abort()));
    expect(error.reason).toBe('IMAGE_WORK_STOPPED');
  });

  test('takes the key over', async () => {
    bench.sources.add('img', await twoLayers());
    const key = benchKey();
    const request = { root: treeRoot(), idOffset: null, bytesMax: 1e9 };
    await bench.images.openTree(await bench.import('img'), key, request, never);
    expect(key.bytes.length).toBe(0);
  });
});

test('what no image needs is collected, and nothing else', async () => {
  await bench.close();
  bench = await openImageBench({ graceMs: -1_000 });
  const shared = await makeTar([{ name: 'base', data: 'x' }]);
  const [one, two] = [await makeTar([{ name: 'one' }]), await makeTar([{ name: 'two' }])];
  bench.sources.add('one', makeImage([shared, one]));
  bench.sources.add('two', makeImage([shared, two]));
  await bench.import('one');
  const kept = await bench.import('two');
  expect(await bench.images.collect()).toEqual({ removed: 0, bytes: 0 });
  await bench.images.release(benchOwner.serviceUid, new Set([kept.digest]));
  expect((await bench.images.collect()).removed).toBe(1);
  await openTree(kept);
});

describe('a process of its own', () => {
  const program = join(import.meta.dirname, 'import-main.ts');

  test('takes a layer of a gibibyte in bounded memory', async () => {
    const { grownMiB, tarBytes } = JSON.parse(await ended(start('gibibyte'))) as {
      readonly grownMiB: number;
      readonly tarBytes: number;
    };
    expect(tarBytes).toBeGreaterThan(2 ** 30);
    // Measured 130, half of it the noise's own; a layer that piled up would be 1,024.
    expect(grownMiB).toBeLessThan(256);
  });

  test('that is killed amid an import leaves what the next one goes on with', async () => {
    const killed = start('stall');
    await once(killed.stdout, 'data');
    killed.kill('SIGKILL');
    await once(killed, 'close');
    const { opened, before, staged } = JSON.parse(await ended(start('resume'))) as {
      readonly opened: number;
      readonly before: number;
      readonly staged: number;
    };
    expect({ opened, before, staged }).toEqual({ opened: 1, before: 1, staged: 0 });
  });

  function start(what: string): ReturnType<typeof spawn> & { readonly stdout: Readable } {
    const child = spawn(process.execPath, [program, what, bench.folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return child;
  }

  async function ended(child: ReturnType<typeof start>): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 0x01;
  return copy;
}

async function* failing(bytes: Buffer): AsyncGenerator<Buffer> {
  yield Buffer.from(bytes);
  throw new Error('the line is down');
}

/** Begins well, and is stopped while it waits for more. */
async function* endless(bytes: Buffer, stopper: AbortController): AsyncGenerator<Buffer> {
  yield Buffer.from(bytes.subarray(0, 50_000));
  stopper.abort();
  await new Promise<never>(() => undefined);
}
