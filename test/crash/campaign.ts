import { failpointNames } from '../../src/runtime/index.ts';
import { Chance } from '../support/chance.ts';
import { DoomedDirectory } from './doomed-directory.ts';
import { describePlan, roundOfKills, type KillPlan } from './kill-plan.ts';

export interface CampaignOptions {
  readonly kills: number;
  readonly seed: number;
  /** Ends the campaign earlier, at the next directory's end. */
  readonly minutes?: number;
  readonly answersEarly?: boolean;
  readonly print?: (line: string) => void;
}

export interface CampaignReport {
  readonly seed: number;
  /** Kills by failpoint, with `random` and `missed`. */
  readonly kills: ReadonlyMap<string, number>;
  readonly killCount: number;
  readonly seconds: number;
  readonly readyMsMax: number;
  readonly answered: number;
  readonly delivered: number;
  readonly acked: number;
  /** What was broken, empty if nothing was, and the directory that shows it. */
  readonly violations: readonly string[];
  readonly directory: string | null;
}

/** Kills in one directory, before it is concluded and another begun. */
const killsPerDirectory = 28;

/** Kills servers until enough are dead, or one has broken a promise. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const campaign = new Campaign(options);
  await campaign.run();
  return campaign.report();
}

class Campaign {
  readonly #options: CampaignOptions;
  readonly #chance: Chance;
  readonly #kills: Map<string, number>;
  readonly #startedMs: number = performance.now();
  #plans: KillPlan[] = [];
  #killCount = 0;
  #directoryCount = 0;
  #readyMsMax = 0;
  #totals = { answered: 0, delivered: 0, acked: 0 };
  #violations: readonly string[] = [];
  #directory: string | null = null;

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#chance = new Chance(options.seed);
    this.#kills = new Map([...failpointNames, 'random', 'missed'].map((name) => [name, 0]));
  }

  async run(): Promise<void> {
    const { kills, minutes = Infinity } = this.#options;
    while (this.#killCount < kills && this.#violations.length === 0) {
      if (performance.now() - this.#startedMs > minutes * 60_000) break;
      await this.#ruin(Math.min(killsPerDirectory, kills - this.#killCount));
    }
  }

  report(): CampaignReport {
    return {
      seed: this.#options.seed,
      kills: this.#kills,
      killCount: this.#killCount,
      seconds: (performance.now() - this.#startedMs) / 1000,
      readyMsMax: this.#readyMsMax,
      ...this.#totals,
      violations: this.#violations,
      directory: this.#directory,
    };
  }

  /** One directory from its first life to its last. */
  async #ruin(kills: number): Promise<void> {
    const { seed, answersEarly = false } = this.#options;
    // Choices of its own: what is killed next may not depend on how far a load came.
    const chance = new Chance(seed + 1_000_000 * ++this.#directoryCount);
    const directory = new DoomedDirectory(chance, answersEarly);
    const { ledger } = directory;
    let plan: KillPlan | null = null;
    await directory.settle();
    for (let i = 0; i < kills && ledger.violations.length === 0; i++) {
      plan = this.#nextPlan();
      await this.#kill(directory, plan);
    }
    if (ledger.violations.length === 0) await directory.conclude();
    this.#totals.answered += ledger.answered;
    this.#totals.delivered += ledger.delivered;
    this.#totals.acked += ledger.acked;
    this.#violations = ledger.violations;
    if (ledger.violations.length === 0) directory.remove();
    else this.#tellOf(directory, plan);
  }

  async #kill(directory: DoomedDirectory, plan: KillPlan): Promise<void> {
    const { killedAt, readyMs } = await directory.live(plan);
    this.#killCount++;
    this.#kills.set(killedAt, (this.#kills.get(killedAt) ?? 0) + 1);
    this.#readyMsMax = Math.max(this.#readyMsMax, readyMs ?? 0);
    const ready = readyMs === null ? 'died starting' : `ready in ${Math.round(readyMs)} ms`;
    const { answered, acked } = directory.ledger;
    this.#print(
      `${this.#killCount}: ${describePlan(plan)} -> ${killedAt}; ${ready}; ` +
        `${answered} answered, ${acked} acked in this directory`,
    );
  }

  #nextPlan(): KillPlan {
    if (this.#plans.length === 0) this.#plans = roundOfKills(this.#chance);
    return this.#plans.shift()!;
  }

  #tellOf(directory: DoomedDirectory, plan: KillPlan | null): void {
    this.#directory = directory.path;
    const { seed } = this.#options;
    this.#print(`BROKEN after kill ${this.#killCount}${plan ? ` (${describePlan(plan)})` : ''}:`);
    for (const violation of this.#violations.slice(0, 20)) this.#print(`  ${violation}`);
    this.#print(`The directory is kept: ${directory.path}`);
    this.#print(`Again: npm run crash -- --seed ${seed} --kills ${this.#killCount}`);
  }

  #print(line: string): void {
    this.#options.print?.(line);
  }
}
