import type { Cancel } from '../../runtime/index.ts';
import type { KmsContext } from '../kms-context.ts';
import { cryptoKeyTable, versionTable } from '../rows/records.ts';
import { versionNameOfRow } from '../keys/key-views.ts';
import type { DueTask } from './due-times.ts';
import { rotateDueKey } from './key-rotation.ts';
import { destroyDueVersion, eraseDestroyed } from './version-destruction.ts';

/**
 * The wall clock decides what is due, and may be stepped: it is looked at again at least so often.
 * What failed is tried again after as long.
 */
const checkMs = 60_000;

/** Destroys and rotates when it is time; what came due while nobody ran is done at the start. */
export class KeyLifecycle {
  readonly #context: KmsContext;
  #cancel: Cancel = () => undefined;
  #running: Promise<void> | null = null;
  /** Destroyed material or its pages may still be there. */
  #hasDoomed = true;
  #isClosed = false;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /** Finds all due times again, finishes what a crash left, and goes on from there. */
  async start(): Promise<void> {
    await this.#find();
    this.#context.dueTimes.listen(() => this.#arm());
    this.#run();
    await this.idle();
  }

  /** Resolves when nothing is being destroyed or rotated. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.idle();
  }

  async #find(): Promise<void> {
    const { rows, dueTimes, log } = this.#context;
    const onDamaged = (err: unknown): void =>
      log.error({ err }, 'a stored key is damaged: it will be neither rotated nor destroyed');
    for await (const { id, record } of rows.each(cryptoKeyTable, onDamaged)) {
      dueTimes.expectRotation(id, record.nextRotationTimeMs);
    }
    for await (const { id, record } of rows.each(versionTable, onDamaged)) {
      if (record.state !== 'DESTROY_SCHEDULED') continue;
      dueTimes.expectDestruction(versionNameOfRow(id), record.destroyTimeMs ?? 0);
    }
  }

  #arm(): void {
    this.#cancel();
    if (this.#isClosed || this.#running) return;
    const delayMs = this.#delayMs();
    if (delayMs === null) return;
    const { clock } = this.#context;
    this.#cancel = clock.schedule(clock.monotonicMs() + delayMs, () => this.#run());
  }

  /** Null: there is nothing to wait for. */
  #delayMs(): number | null {
    const { dueTimes, clock } = this.#context;
    const { nextMs } = dueTimes;
    if (nextMs === null) return this.#hasDoomed ? checkMs : null;
    return Math.min(checkMs, Math.max(0, nextMs - clock.wallMs()));
  }

  #run(): void {
    if (this.#running || this.#isClosed) return;
    this.#running = this.#runDue()
      .catch((err: unknown) => this.#context.log.error({ err }, 'the key lifecycle failed'))
      .finally(() => {
        this.#running = null;
        this.#arm();
      });
  }

  async #runDue(): Promise<void> {
    const { dueTimes, clock, log } = this.#context;
    for (const task of dueTimes.take(clock.wallMs())) {
      // The rest is found again by the next start.
      if (this.#isClosed) return;
      try {
        await this.#do(task);
      } catch (err) {
        log.warn({ err, ...task }, 'a due change of a key failed and is tried again');
        this.#again(task);
      }
    }
    if (this.#hasDoomed) this.#hasDoomed = !(await this.#erased());
  }

  async #do({ kind, name }: DueTask): Promise<void> {
    if (kind === 'rotate') return await rotateDueKey(this.#context, name);
    this.#hasDoomed = true;
    await destroyDueVersion(this.#context, name);
  }

  async #erased(): Promise<boolean> {
    try {
      return await eraseDestroyed(this.#context);
    } catch (err) {
      this.#context.log.warn({ err }, 'destroyed material is not erased yet');
      return false;
    }
  }

  #again({ kind, name }: DueTask): void {
    const atMs = this.#context.clock.wallMs() + checkMs;
    if (kind === 'rotate') this.#context.dueTimes.expectRotation(name, atMs);
    else this.#context.dueTimes.expectDestruction(name, atMs);
  }
}
