import { describe, expect, test } from 'vitest';
import { Chance } from '../support/chance.ts';
import { ExactlyOnceLives } from './exactly-once-lives.ts';

const kills = 12;
const seed = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);

describe('an exactly-once subscription whose server is killed', () => {
  test(`keeps acks, leases and extensions through ${kills} kills (CRASH_SEED=${seed})`, async () => {
    const lives = new ExactlyOnceLives(new Chance(seed), false);
    const { violations, counts } = lives.account;
    await lives.settle();
    for (let i = 0; i < kills && violations.length === 0; i++) await lives.live();
    if (violations.length === 0) await lives.conclude();
    expect(violations, `the directory is kept: ${lives.path}`).toEqual([]);
    // Work was done between the kills, and some of it outlived one.
    expect(counts.acked).toBeGreaterThan(kills * 5);
    expect(counts.outlived).toBeGreaterThan(0);
    lives.remove();
  });

  test('is caught when it answers before its commits', async () => {
    const lives = new ExactlyOnceLives(new Chance(seed), true);
    const { violations } = lives.account;
    await lives.settle();
    for (let i = 0; i < 60 && violations.length === 0; i++) await lives.live();
    expect(violations.join('\n')).toMatch(/came again|is refused|by an earlier id|answered/);
    lives.remove();
  });
});
