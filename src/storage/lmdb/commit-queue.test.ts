import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { noFailpoints, silentLogger } from '../../runtime/index.ts';
import { StorageError } from '../storage-error.ts';
import { append } from '../store.case.ts';
import type { Append, Outcome } from '../store.ts';
import { CommitQueue } from './commit-queue.ts';
import { LmdbEnvironment, type Write } from './lmdb-environment.ts';
import { LogTails } from './log-tails.ts';
import { RecordArena } from './record-arena.ts';
import { AppendPart } from './log-writes.ts';
import { storeDatabases } from './segment-record.ts';

type Fault = 'before' | 'after' | 'reopen';

/** A real environment whose next steps fail: a commit before or after it landed, or a reopen. */
class FailingEnvironment extends LmdbEnvironment {
  readonly faults: Fault[] = [];

  override async commit(writes: readonly Write[], isBlocking?: boolean): Promise<void> {
    const fault = this.faults[0] === 'reopen' ? undefined : this.faults.shift();
    if (fault !== 'before') await super.commit(writes, isBlocking);
    if (fault) throw new StorageError('io', `failed ${fault} it landed`);
  }

  override async reopen(): Promise<void> {
    if (this.faults[0] !== 'reopen') return super.reopen();
    this.faults.shift();
    await this.close();
    throw new StorageError('io', 'cannot be opened');
  }
}

let directory: string;
let environment: FailingEnvironment;
let tails: LogTails;
let arena: RecordArena;
let queue: CommitQueue;
let isRoom: boolean;

beforeEach(() => {
  isRoom = true;
  directory = mkdtempSync(join(tmpdir(), 'sealpost-queue-'));
  environment = new FailingEnvironment({ path: directory, databases: storeDatabases });
  tails = new LogTails(environment);
  arena = new RecordArena();
  queue = new CommitQueue({
    environment,
    mirrors: [tails, arena],
    space: { admitsGrowth: () => isRoom, admits: () => isRoom, release: () => false },
    clock: new VirtualClock(),
    log: silentLogger,
    failpoints: noFailpoints,
  });
});
afterEach(async () => {
  await queue.close();
  await environment.close();
  rmSync(directory, { recursive: true, force: true });
});

const commit = (...ops: Append[]): Promise<Outcome[]> =>
  new Promise((resolve, reject) => {
    queue.submit(new AppendPart(ops, { tails, arena }, { resolve, reject }));
  });

describe('a commit that fails', () => {
  test('before it landed is refused, and can be sent again as it is', async () => {
    environment.faults.push('before');
    const op = append(1, 0);
    await expect(commit(op)).rejects.toMatchObject({ fault: 'io' });
    expect(tails.tail(1).next).toBe(0);
    expect(await commit(op)).toEqual(['ok']);
  });

  test('after it landed is confirmed by a later sync and answered ok', async () => {
    environment.faults.push('after');
    expect(await commit(append(1, 0), append(1, 7))).toEqual(['ok', 'conflict']);
    expect(tails.tail(1).next).toBe(1);
    expect(await commit(append(1, 1))).toEqual(['ok']);
  });

  test('and cannot be confirmed leaves its ops unknown, the refused ones refused', async () => {
    environment.faults.push('after', 'before');
    expect(await commit(append(1, 0), append(1, 7))).toEqual(['unknown', 'conflict']);
    await queue.mended();
    expect(tails.tail(1).next).toBe(1);
  });

  test('with files that do not open leaves unknown, and mends at the next call', async () => {
    environment.faults.push('before', 'reopen');
    const op = append(1, 0);
    expect(await commit(op)).toEqual(['unknown']);
    expect(queue.isUsable).toBe(false);
    expect(await commit(op)).toEqual(['ok']);
    expect(queue.isUsable).toBe(true);
  });

  test.each<[string, Fault[]]>([
    ['its confirmation', ['after', 'before']],
    ['the files', ['after', 'reopen']],
  ])('and loses %s is shown to nobody before a later sync', async (_, faults) => {
    environment.faults.push(...faults);
    expect(await commit(append(1, 0))).toEqual(['unknown']);
    environment.faults.push('before', 'before');
    await expect(queue.mended()).rejects.toMatchObject({ fault: 'io' });
    await expect(queue.mended()).rejects.toMatchObject({ fault: 'io' });
    expect(queue.isUsable).toBe(false);
    await queue.mended();
    expect(queue.isUsable).toBe(true);
    expect(tails.tail(1).next).toBe(1);
    const transaction = environment.lastTransaction();
    await queue.mended();
    expect(environment.lastTransaction()).toBe(transaction);
  });

  test('a full disk keeps an unconfirmed transaction from sight and LMDB from writing', async () => {
    environment.faults.push('after', 'reopen');
    expect(await commit(append(1, 0))).toEqual(['unknown']);
    isRoom = false;
    environment.faults.push('before');
    await expect(queue.mended()).rejects.toMatchObject({ fault: 'full' });
    expect(environment.faults).toEqual(['before']);
    expect(queue.isUsable).toBe(false);
    environment.faults.length = 0;
    isRoom = true;
    await queue.mended();
    expect(tails.tail(1).next).toBe(1);
  });

  test('fails every call that it carried, and no call after it', async () => {
    environment.faults.push('before');
    const sent = [commit(append(1, 0)), commit(append(2, 0))].map((call) =>
      call.catch((error: unknown) => (error as StorageError).fault),
    );
    expect(await Promise.all(sent)).toEqual(['io', 'io']);
    expect(await Promise.all([commit(append(1, 0)), commit(append(2, 0))])).toEqual([
      ['ok'],
      ['ok'],
    ]);
  });
});
