import { Chance } from '../support/chance.ts';
import type { CampaignOptions } from './campaign.ts';
import { allKills, type KmsCampaignReport, randomKills, runKmsCampaign } from './kms-campaign.ts';
import type { KmsKill } from './kms-directory.ts';

/** Kills in one directory, before it is concluded and another begun. */
const killsPerDirectory = 25;

/**
 * Round after round: every operation at each of its failpoints, and a third as many kills at random,
 * in an order of the seed's. False as soon as a promise is broken or a failpoint was not come to.
 */
export async function runKmsRounds(options: CampaignOptions): Promise<boolean> {
  const { kills, seed, minutes = Infinity, print = () => undefined } = options;
  const chance = new Chance(seed);
  const startedMs = performance.now();
  const waiting: KmsKill[] = [];
  let done = 0;
  while (done < kills && performance.now() - startedMs < minutes * 60_000) {
    if (waiting.length === 0) {
      const all = allKills();
      waiting.push(...chance.shuffled([...all, ...randomKills(chance, Math.ceil(all.length / 3))]));
    }
    const some = waiting.splice(0, Math.min(killsPerDirectory, kills - done));
    const report = await runKmsCampaign(some, print);
    done += some.length;
    if (!isSound(report, print)) return false;
    print(`${done} kills, nothing was broken`);
  }
  return true;
}

function isSound(
  { violations, missed, directory }: KmsCampaignReport,
  print: (line: string) => void,
): boolean {
  for (const name of missed) print(`MISSED: ${name}`);
  if (directory !== null) print(`The directory is kept: ${directory}`);
  return violations.length === 0 && missed.length === 0;
}
