import { expect, test } from 'vitest';

import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RpcError } from '../../rpc/index.ts';
import { silentLogger } from '../../runtime/index.ts';
import type { ImageOwner, ImportProgress, StoredImage } from '../images/image-vault.ts';
import { ImportJobs, type ImportReport } from './import-jobs.ts';

const owner: ImageOwner = {
  project: 'p',
  serviceUid: 'u',
  serviceName: 'projects/p/locations/us-central1/services/hello',
  key: null,
};

/** An import that was asked for, to be moved on and ended by hand. */
interface Asked {
  readonly progress: (event: ImportProgress) => void;
  readonly end: (error?: Error) => void;
}

class Bench {
  readonly clock: VirtualClock = new VirtualClock();
  readonly asked: Asked[] = [];
  readonly errors: string[] = [];
  readonly jobs: ImportJobs = new ImportJobs({
    clock: this.clock,
    entropy: new SeededEntropy(3),
    log: { ...silentLogger, error: (_: object, text: string) => void this.errors.push(text) },
    images: {
      import: (_owner, _reference, progress, signal) =>
        new Promise<StoredImage>((resolve, reject) => {
          const image = { digest: 'sha256:d' } as StoredImage;
          const end = (error?: Error): void => (error ? reject(error) : resolve(image));
          signal.addEventListener('abort', () => reject(new Error('aborted')));
          this.asked.push({ progress, end });
        }),
    },
  });

  start(reference = 'img'): ImportReport {
    return this.jobs.start(owner, reference);
  }

  report(id: string): ImportReport | undefined {
    return this.jobs.list().find((each) => each.id === id);
  }
}

test('a report says how far an import is, and how it ended', async () => {
  const bench = new Bench();
  const { id, ...first } = bench.start();
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(first).toMatchObject({ service: owner.serviceName, state: 'running', layers: null });
  const [{ progress, end }] = bench.asked as [Asked];
  progress({ kind: 'resolved', digest: 'sha256:d', layers: 3 });
  progress({ kind: 'layer', index: 0, of: 3, state: 'present' });
  progress({ kind: 'layer', index: 1, of: 3, state: 'started' });
  progress({ kind: 'bytes', index: 1, done: 10, total: 40 });
  const bytes = { done: 10, total: 40 };
  expect(bench.report(id)).toMatchObject({ layers: 3, storedLayers: 1, bytes });
  progress({ kind: 'layer', index: 1, of: 3, state: 'stored' });
  expect(bench.report(id)).toMatchObject({ storedLayers: 2, bytes: null });
  await bench.clock.advance(5_000);
  end();
  await bench.clock.settle();
  const endedMs = bench.clock.wallMs();
  expect(bench.report(id)).toMatchObject({ state: 'done', digest: 'sha256:d', endedMs });
});

test('a refusal is told as it is; what failed inside is told to the log alone', async () => {
  const bench = new Bench();
  const [refused, broken] = [bench.start(), bench.start()];
  bench.asked[0]!.end(new RpcError('NOT_FOUND', 'IMAGE_NOT_FOUND', "Image 'img' not found."));
  bench.asked[1]!.end(new TypeError('x is not a function'));
  await bench.clock.settle();
  const failed = { state: 'failed', digest: null };
  expect(bench.report(refused.id)).toMatchObject({ ...failed, error: "Image 'img' not found." });
  expect(bench.report(broken.id)).toMatchObject({ error: 'An internal error occurred.' });
  expect(bench.errors).toEqual(['an import failed inside']);
});

test('four run at a time; a fifth is refused until one has ended', async () => {
  const bench = new Bench();
  for (let i = 0; i < 4; i++) bench.start();
  const refused = { code: 'RESOURCE_EXHAUSTED', reason: 'TOO_MANY_IMPORTS' };
  expect(() => bench.start()).toThrow(expect.objectContaining(refused) as Error);
  expect(bench.jobs.list()).toHaveLength(4);
  bench.asked[2]!.end();
  await bench.clock.settle();
  expect(bench.start().state).toBe('running');
});

test('the last fifty that ended are remembered, and every one that runs', async () => {
  const bench = new Bench();
  const lasting = bench.start('lasting');
  for (let i = 0; i < 60; i++) {
    bench.start(`img:${i}`);
    bench.asked.at(-1)!.end();
    await bench.clock.settle();
  }
  const references = bench.jobs.list().map(({ reference }) => reference);
  expect(references).toEqual(['lasting', ...Array.from({ length: 50 }, (_, i) => `img:${i + 10}`)]);
  expect(bench.report(lasting.id)?.state).toBe('running');
});

test('a stop ends what runs, and says so', async () => {
  const bench = new Bench();
  const { id } = bench.start();
  await bench.jobs.stop();
  expect(bench.report(id)).toMatchObject({ state: 'failed', error: 'The vault stopped.' });
  expect(bench.errors).toEqual([]);
});
