import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { failpointNames } from '../../src/runtime/index.ts';
import { runCampaign, type CampaignReport } from './campaign.ts';
import { Chance } from '../support/chance.ts';
import { DoomedDirectory } from './doomed-directory.ts';

/** Three rounds of fourteen: each failpoint three times, so that one that is missed does no harm. */
const kills = 42;
const seed = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);

describe('a server that is killed', () => {
  let report: CampaignReport;

  test(`keeps every promise through ${kills} kills (CRASH_SEED=${seed})`, async () => {
    const lines: string[] = [];
    report = await runCampaign({ kills, seed, print: (line) => lines.push(line) });
    expect(report.violations, lines.slice(-30).join('\n')).toEqual([]);
    expect(report.killCount).toBe(kills);
    // Work was done between the kills: an idle server keeps any promise.
    expect(report.answered).toBeGreaterThan(kills * 10);
    expect(report.acked).toBeGreaterThan(kills * 5);
  });

  test('was killed at every failpoint at least twice, and at random', () => {
    for (const name of [...failpointNames, 'random']) {
      expect(report.kills.get(name), name).toBeGreaterThanOrEqual(2);
    }
  });

  test('was ready again within seconds each time', () => {
    expect(report.readyMsMax).toBeGreaterThan(0);
    expect(report.readyMsMax).toBeLessThan(10_000);
  });
});

describe('the harness', () => {
  test('notices a server that answers before its commit', async () => {
    const caught = await runCampaign({ kills: 30, seed, answersEarly: true });
    // Lost at a kill, or called lost by the broker itself, which is told of segments not yet there.
    expect(caught.violations.join('\n')).toMatch(/never delivers|again after its ack|DATA_LOSS/);
    rmSync(caught.directory!, { recursive: true });
  });

  test('finds a second process on the directory refused, and the first unharmed', async () => {
    const directory = new DoomedDirectory(new Chance(seed), false);
    await directory.settle();
    const { first, said } = await directory.refusalOfSecond();
    expect(said).toContain(`is in use by process ${first}`);
    await directory.conclude();
    expect(directory.ledger.violations).toEqual([]);
    directory.remove();
  });
});
