import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  hourMs,
  KeyWatchBench,
  revisionOf,
  said,
  watchedKey,
  watchedPlace,
} from '../../../test/support/key-watch-bench.ts';
import { ScriptedKeyService } from '../../../test/support/scripted-key-service.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RpcError, type StatusCode } from '../../rpc/index.ts';
import type { EncryptionSettings } from '../services/service.ts';

type Answer = Exclude<StatusCode, 'OK'> | 'OK' | 'disabled' | 'external';
type Step =
  /** What the key service answers from now on. */
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'restart'; readonly afterMs: number }
  | { readonly kind: 'report' };

const settings: readonly EncryptionSettings[] = [
  { key: watchedKey, action: 'shut-down', shutdownHours: 2 },
  { key: watchedKey, action: 'prevent-new' },
  { key: watchedKey },
];
const hoursOf = (setting: EncryptionSettings): number => setting.shutdownHours ?? 1;

const expected: Readonly<Partial<Record<Answer, string>>> = {
  OK: 'ENABLED',
  disabled: 'REVOKED disabled',
  external: 'REVOKED external',
  PERMISSION_DENIED: 'REVOKED denied',
  NOT_FOUND: 'REVOKED denied',
  RESOURCE_EXHAUSTED: 'THROTTLED',
  UNAVAILABLE: 'UNREACHABLE',
};
const answers = Object.keys(expected) as Answer[];

const violation = (...types: string[]): RpcError => {
  const subject = `${watchedKey}/cryptoKeyVersions/1`;
  const type = 'type.googleapis.com/google.rpc.PreconditionFailure' as const;
  const violations = types.map((each) => ({ type: each, subject }));
  return new RpcError('FAILED_PRECONDITION', 'X', 'x', {
    details: [{ '@type': type, violations }],
  });
};

function errorOf(answer: Exclude<Answer, 'OK'>): RpcError {
  if (answer === 'disabled') return violation('KEY_DISABLED');
  if (answer === 'external') return violation('KEY_ENABLED', 'EXTERNAL_PERMISSION_DENIED');
  return new RpcError(answer, 'X', 'x');
}

/** What must be so, whatever happened: the deadline of each revision, and whether it was acted on. */
class Model {
  readonly deadlines: (number | null)[] = settings.map(() => null);
  readonly done: boolean[] = settings.map(() => false);
  #condition = 'ENABLED';
  /** What a real use of the version met: it stands until the version is known to work. */
  #refused: string | null = null;
  #revokedMs = 0;
  #cause = '';
  #causeMs = 0;

  get condition(): string {
    return this.#condition;
  }

  used(answer: Answer): void {
    if (answer === 'disabled' || answer === 'external') this.#refused = expected[answer]!;
  }

  /** A check found this at a time. */
  found(answered: string, nowMs: number): void {
    const isDefinite = answered === 'ENABLED' || answered.startsWith('REVOKED');
    if (answered === 'ENABLED') this.#refused = null;
    const condition = isDefinite ? answered : (this.#refused ?? answered);
    const isRevoked = condition.startsWith('REVOKED');
    if (isRevoked && !this.#condition.startsWith('REVOKED')) this.#revokedMs = nowMs;
    if (isRevoked && this.#cause !== condition) this.#causeMs = nowMs;
    this.#cause = isRevoked ? condition : '';
    this.#condition = condition;
    for (const [i, setting] of settings.entries()) {
      if (condition === 'ENABLED') {
        this.deadlines[i] = null;
        this.done[i] = false;
        continue;
      }
      const isShutDown = setting.action === 'shut-down';
      if (this.deadlines[i] !== null || !isRevoked) continue;
      if (!isShutDown && condition !== 'REVOKED external') continue;
      const sinceMs = isShutDown ? this.#revokedMs : this.#causeMs;
      this.deadlines[i] = sinceMs + hoursOf(setting) * hourMs;
    }
  }

  /** Time has come to `nowMs`; the indexes of those whose deadline it reached. */
  passed(nowMs: number): number[] {
    const due: number[] = [];
    for (const [i, deadlineMs] of this.deadlines.entries()) {
      if (deadlineMs === null || this.done[i] || deadlineMs > nowMs) continue;
      this.done[i] = true;
      due.push(i);
    }
    return due;
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('answer' as const), answer: fc.constantFrom(...answers) }),
  fc.record({
    kind: fc.constant('advance' as const),
    ms: fc.integer({ min: 0, max: 1.5 * hourMs }),
  }),
  fc.record({
    kind: fc.constant('restart' as const),
    afterMs: fc.integer({ min: 0, max: 1.5 * hourMs }),
  }),
  fc.record({ kind: fc.constant('report' as const) }),
);

class Run {
  readonly keys = new ScriptedKeyService();
  readonly clock = new VirtualClock();
  readonly bench: KeyWatchBench;
  readonly model = new Model();
  readonly revisions = settings.map((each, i) => revisionOf(`s-${i}`, each));
  readonly stopped: string[] = [];
  answer: Answer = 'OK';

  constructor() {
    this.bench = new KeyWatchBench(this.keys, this.clock);
    this.keys.before = () => {
      if (this.answer !== 'OK') throw errorOf(this.answer);
    };
  }

  async start(): Promise<void> {
    await this.bench.open();
    for (const revision of this.revisions) await this.bench.revocations.add(revision);
    await this.clock.settle(20);
  }

  async take(each: Step): Promise<void> {
    if (each.kind === 'advance') await this.clock.advance(each.ms);
    else if (each.kind === 'restart') {
      await this.bench.close();
      await this.clock.advance(each.afterMs);
      await this.bench.restart(this.revisions);
      this.model.found(expected[this.answer]!, this.clock.wallMs());
      await this.clock.advance(0);
    } else if (each.kind === 'answer') {
      this.answer = each.answer;
      this.keys.announce({ resource: watchedKey, kind: 'versionState' });
      await this.clock.settle(30);
      this.model.found(expected[each.answer]!, this.clock.wallMs());
      await this.clock.advance(0);
    } else {
      const outcome = this.answer === 'OK' ? null : errorOf(this.answer);
      this.bench.watch.report(watchedPlace, outcome);
      this.model.used(this.answer);
      await this.clock.settle(30);
    }
    this.check();
  }

  check(): void {
    const due = this.model.passed(this.clock.wallMs());
    this.stopped.push(...due.map((i) => `s-${i}`));
    const { target, revocations, watch } = this.bench;
    expect(target.shutDown.toSorted(byText)).toEqual(this.stopped.toSorted(byText));
    expect(said(watch.known(watchedPlace)!)).toBe(this.model.condition);
    const pending = settings.flatMap((_each, i) => {
      const deadlineMs = this.model.deadlines[i];
      return deadlineMs == null || this.model.done[i] ? [] : [`s-${i} ${deadlineMs}`];
    });
    const told = revocations.pending().map((p) => `${p.revision.revisionId} ${p.deadlineMs}`);
    expect(told.toSorted(byText)).toEqual(pending);
  }
}

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

test('whatever happens to a key, and whenever the vault restarts, deadlines are what they must be', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const run = new Run();
      await run.start();
      for (const each of steps) await run.take(each);
      await run.bench.close();
    }),
    { numRuns: 150 },
  );
});
