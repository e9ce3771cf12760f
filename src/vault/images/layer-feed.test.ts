import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { RunningJob } from '../threads/job-threads.ts';
import type { JobInput, Slab } from '../threads/job.ts';
import { feedLayer } from './layer-feed.ts';

/** A job at the other end of a port: slabs move to it, and back when `giveBack` says so. */
class FarJob implements RunningJob<null> {
  readonly #end = Promise.withResolvers<null>();
  readonly result: Promise<null> = this.#end.promise;
  readonly held: Slab[] = [];
  readonly received: Buffer[] = [];
  isSettled = false;
  isStopped = false;
  mostHeld = 0;
  onConsumed: (slab: Slab) => void = () => undefined;

  send(input: JobInput): void {
    if (this.isSettled) return;
    if (input.kind === 'end') return this.settle();
    if (input.kind === 'stop') return;
    const slab = structuredClone(input.slab, { transfer: [input.slab.buffer] });
    this.received.push(Buffer.from(slab.subarray(0, input.length)));
    this.held.push(slab);
    this.mostHeld = Math.max(this.mostHeld, this.held.length);
  }

  stop(): void {
    this.isStopped = true;
    this.settle();
  }

  settle(): void {
    this.isSettled = true;
    this.#end.resolve(null);
  }

  giveBack(): void {
    const slab = this.held.shift();
    if (slab !== undefined) this.onConsumed(structuredClone(slab, { transfer: [slab.buffer] }));
  }

  get bytes(): number {
    return this.received.reduce((sum, { length }) => sum + length, 0);
  }
}

function blobOf(sizes: readonly number[]): Buffer[] {
  let next = 0;
  return sizes.map((size) => Buffer.alloc(size).map(() => next++ % 251) as Buffer);
}

/** Until everything that can go on has gone on. */
const settled = (): Promise<void> => new VirtualClock().settle();

describe('a layer on its way to a thread', () => {
  test('comes whole and in order, in pieces of any size', async () => {
    const chunks = blobOf([1, 70_000, 400_000, 0, 262_144, 3, 900_000]);
    const whole = Buffer.concat(chunks);
    const job = new FarJob();
    const told: number[] = [];
    const feeding = feedLayer(Readable.from(chunks), job, (done) => told.push(done));
    while (!job.isSettled) {
      await settled();
      job.giveBack();
    }
    await feeding;
    expect(Buffer.concat(job.received).equals(whole)).toBe(true);
    expect(told.at(-1)).toBe(whole.length);
  });

  test('is a mebibyte at most, and waits for the thread', async () => {
    const job = new FarJob();
    const feeding = feedLayer(Readable.from(blobOf([3 << 20])), job, () => undefined);
    await settled();
    expect([job.mostHeld, job.bytes]).toEqual([4, 1 << 20]);
    job.giveBack();
    await settled();
    expect(job.bytes).toBe((1 << 20) + 262_144);
    job.settle();
    await feeding;
  });

  test('does not wait for a slab to be full while the thread has nothing to do', async () => {
    const job = new FarJob();
    const source = new Readable({ read: () => undefined });
    const feeding = feedLayer(source, job, () => undefined);
    source.push(Buffer.alloc(10));
    await settled();
    expect(job.bytes).toBe(10);
    source.push(Buffer.alloc(20));
    await settled();
    expect(job.bytes).toBe(10);
    job.giveBack();
    expect(job.bytes).toBe(30);
    source.push(null);
    await feeding;
  });

  test('stops coming when the job has ended, though its source would go on', async () => {
    const job = new FarJob();
    const source = new Readable({ read: () => undefined });
    const feeding = feedLayer(source, job, () => undefined);
    source.push(Buffer.alloc(10));
    await settled();
    job.settle();
    await feeding;
    expect(source.destroyed).toBe(true);
  });

  test('that breaks off stops the job, and says why', async () => {
    const job = new FarJob();
    const source = new Readable({ read: () => undefined });
    const feeding = feedLayer(source, job, () => undefined);
    source.destroy(new Error('the line is cut'));
    await expect(feeding).rejects.toThrow('the line is cut');
    expect(job.isStopped).toBe(true);
  });
});
