import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

import { noFailpoints, silentLogger, SystemClock } from '../../src/runtime/index.ts';
import { openLmdbStore } from '../../src/storage/index.ts';
import { runCli, type CliEnded } from '../support/cli-process.ts';
import { KeyFile } from '../support/key-file.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const cli = (line: string): Promise<CliEnded> =>
  runCli(line.split(' '), { SEALPOST_SERVER: live.url, SEALPOST_PROJECT: 'shop' });

interface Report {
  readonly state: string;
  readonly parts: readonly {
    readonly part: string;
    readonly verifiedCount: number;
    readonly damagedCount: number;
    readonly unreadCount: number;
  }[];
  readonly findings: readonly { readonly part: string; readonly where: string }[];
}

async function report(): Promise<{ readonly code: number | null; readonly report: Report }> {
  const { code, stdout } = await cli('verify --json');
  return { code, report: JSON.parse(stdout) as Report };
}

const countsOf = ({ parts }: Report, name: string): number[] => {
  const part = parts.find((each) => each.part === name)!;
  return [part.verifiedCount, part.damagedCount, part.unreadCount];
};

beforeAll(async () => {
  await cli('keys rings create cafe');
  await cli('keys create cafe/orders');
  await cli('keys grant cafe/orders');
  await cli('topics create orders --key cafe/orders');
  await cli('subscriptions create kitchen --topic orders');
  for (const word of ['espresso', 'ristretto', 'lungo']) await cli(`publish orders ${word}`);
});

describe('sealpost verify', () => {
  test('before the first run there is nothing to show', async () => {
    const { code, stderr } = await cli('verify --status');
    expect([code, stderr]).toEqual([3, expect.stringContaining('No verification was started')]);
  });

  test('authenticates everything, for people and for programs', async () => {
    const { code, stdout } = await cli('verify');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^PART +VERIFIED +MIB +DAMAGED +UNREAD\n/);
    expect(stdout).toContain('All that was found and could be opened is what was written.\n');
    expect(await cli('verify --status')).toMatchObject({ code: 0, stdout });
    const json = await report();
    expect([json.code, json.report.state]).toEqual([0, 'done']);
    expect(countsOf(json.report, 'messages')).toEqual([3, 0, 0]);
    // The topic's DEK and the store key.
    expect(countsOf(json.report, 'deks')).toEqual([2, 0, 0]);
    for (const part of ['keys', 'audit', 'metadata']) {
      const [verified = 0, ...rest] = countsOf(json.report, part);
      expect([verified > 0, ...rest], part).toEqual([true, 0, 0]);
    }
  });

  test('what a disabled key protects is unread, which is no failure', async () => {
    await cli('keys versions disable cafe/orders 1');
    const { code, stdout } = await cli('verify');
    await cli('keys versions enable cafe/orders 1');
    expect([code, stdout]).toEqual([0, expect.stringContaining('could not be looked into')]);
    expect(stdout).toContain('DISABLED');
  });

  test('a key’s record, material or wrapped DEK that was changed on the disk is found', async () => {
    const rows = ['kms/key/', 'kms/version/', 'dek/'];
    const file = new KeyFile(live.dataDir);
    for (const prefix of rows) {
      await live.stop();
      await file.remember();
      const row = file.keys(prefix).find((key) => !key.includes('sealpost-internal'))!;
      file.flip(row, file.sizeOf(row) * 8 - 4);
      await live.start();
      const { code, report: found } = await report();
      await live.stop();
      file.restore();
      expect(code, prefix).toBe(1);
      expect(found.findings.map(({ where }) => where)).toContain(row);
    }
    await live.start();
    expect((await report()).code).toBe(0);
  });

  test('a byte that was changed on the disk is found, and exit code 1 says so', async () => {
    await live.stop();
    await changeOneByte(live.dataDir);
    await live.start();
    const { code, report: found } = await report();
    expect(code).toBe(1);
    expect(countsOf(found, 'messages')).toEqual([2, 1, 0]);
    expect(found.findings).toMatchObject([
      { part: 'messages', where: 'projects/shop/topics/orders at 0' },
    ]);
    expect((await cli('verify')).stdout).toContain(
      'damaged: messages: projects/shop/topics/orders',
    );
  });
});

/** In the sealed bytes of the first message, past the header that a start might look at. */
async function changeOneByte(dataDir: string): Promise<void> {
  const ports = { clock: new SystemClock(), log: silentLogger, failpoints: noFailpoints };
  const store = await openLmdbStore({ ...ports, dataDir, reserveBytes: 0 });
  const [segment] = await store.read(1, 0, 1);
  await store.close();
  const path = join(dataDir, 'store', 'data.mdb');
  const bytes = readFileSync(path);
  // Freed pages hold older copies of the same bytes.
  const sought = segment!.body.subarray(-40);
  let count = 0;
  for (let at = bytes.indexOf(sought); at >= 0; at = bytes.indexOf(sought, at + 1), count++) {
    bytes[at + 10]! ^= 1;
  }
  expect(count).toBeGreaterThan(0);
  writeFileSync(path, bytes);
}
