import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MatchCount } from './match-count.ts';

interface Published {
  readonly base: number;
  /** Of each message, whether it counts. */
  readonly matches: readonly boolean[];
}

const start = 1_000;

/** A lane with a subscription in it, and every message's bit: what the count is checked against. */
class Model {
  readonly counts = new MatchCount(start);
  readonly segments: Published[] = [];
  frontier = start;
  tail = start;
  #lastRead = -1;

  publish(matches: readonly boolean[]): void {
    const base = this.tail;
    this.segments.push({ base, matches });
    this.tail += matches.length;
    const found = matches.filter(Boolean).length;
    this.counts.appended(base, matches.length, found, this.frontier);
    if (found > 0 || this.frontier !== base) return;
    this.frontier = this.tail;
    this.counts.passed(base, this.tail);
  }

  /** As a delivery does: message after message, each segment announced when it is come to. */
  read(count: number): void {
    for (let i = 0; i < count && this.frontier < this.tail; i++) {
      const { base, matches } = this.segmentAt(this.frontier);
      if (base !== this.#lastRead) {
        this.#lastRead = base;
        const countFrom = (sequence: number): number =>
          matches.slice(Math.max(0, sequence - base)).filter(Boolean).length;
        this.counts.reads({ base, end: base + matches.length, countFrom });
      }
      this.frontier++;
    }
  }

  /** Retention or a seek: to the beginning of a segment, or to the end of all. */
  jump(choice: number): void {
    const bases = [...this.segments.map(({ base }) => base), this.tail];
    this.frontier = bases[choice % bases.length]!;
  }

  get waiting(): number {
    let found = 0;
    for (const { base, matches } of this.segments) {
      found += matches.filter((matches, i) => matches && base + i >= this.frontier).length;
    }
    return found;
  }

  segmentAt(sequence: number): Published {
    return this.segments.findLast(({ base }) => base <= sequence)!;
  }
}

const anySegment = fc.array(fc.boolean(), { minLength: 1, maxLength: 6 });
const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ publish: anySegment }) },
  { weight: 4, arbitrary: fc.record({ read: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ jump: fc.nat() }) },
  { weight: 4, arbitrary: fc.constant({ count: true }) },
);

test('what was published since the start is counted exactly, whatever reads and jumps come', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 100 }), (steps) => {
      const model = new Model();
      for (const step of steps) {
        if ('publish' in step) model.publish(step.publish);
        else if ('read' in step) model.read(step.read);
        else if ('jump' in step) model.jump(step.jump);
        else expect(model.counts.from(model.frontier, model.tail)).toBe(model.waiting);
      }
    }),
    { numRuns: 500 },
  );
});

test('what was published before the start counts whole until somebody has looked', () => {
  const counts = new MatchCount(100);
  counts.appended(100, 10, 3, 40);
  expect(counts.from(40, 110)).toBe(63);
  expect(counts.unknownUpTo(40)).toBe(100);
  counts.learned(40, 7);
  expect(counts.from(40, 110)).toBe(10);
  expect(counts.unknownUpTo(40)).toBeNull();
});

test('the segment that is being read counts as its bits say, also an old one', () => {
  const counts = new MatchCount(100);
  const reads = (base: number, matches: number[]): void =>
    counts.reads({
      base,
      end: base + 10,
      countFrom: (sequence) => matches.filter((each) => each >= sequence).length,
    });
  reads(80, [81, 88]);
  expect(counts.from(80, 100)).toBe(2 + 10);
  expect(counts.from(85, 100)).toBe(1 + 10);
  reads(90, [99]);
  expect(counts.from(90, 100)).toBe(1);
  expect(counts.unknownUpTo(90)).toBeNull();
});

test('long after the start a jump is an estimate, and catching up makes it exact again', () => {
  const model = new Model();
  for (let i = 0; i < 5_000; i++) model.publish([true, i % 2 === 0]);
  model.frontier = start + 4_001;
  const estimate = model.counts.from(model.frontier, model.tail);
  expect(Math.abs(estimate - model.waiting)).toBeLessThan(200);
  model.frontier = model.tail;
  expect(model.counts.from(model.frontier, model.tail)).toBe(0);
  model.publish([true, false, true]);
  expect(model.counts.from(model.frontier, model.tail)).toBe(2);
});
