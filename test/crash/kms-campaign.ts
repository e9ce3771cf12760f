import { Chance } from '../support/chance.ts';
import { KmsDirectory, type KmsKill } from './kms-directory.ts';
import { kmsOperations } from './kms-operations.ts';

export interface KmsCampaignReport {
  /** `OPERATION at FAILPOINT` → kills; `OPERATION at random`. */
  readonly kills: ReadonlyMap<string, number>;
  /** Failpoints that were not come to. */
  readonly missed: readonly string[];
  /** What was broken, empty if nothing was, and the directory that shows it. */
  readonly violations: readonly string[];
  readonly directory: string | null;
  readonly seconds: number;
}

/** Every operation at each of its failpoints once: the whole matrix. */
export function allKills(): KmsKill[] {
  return kmsOperations.flatMap((operation) =>
    operation.failpoints.map((failpoint) => ({ operation, failpoint, hit: 1, afterMs: 0 })),
  );
}

/** One of each kind of step, for every test run: `npm run crash -- --kms` makes them all. */
const few: readonly string[] = [
  'create key at afterKeyCreate',
  'create version at afterAuditDelivery',
  'update primary at beforeKeyChange',
  'disable at afterKeyChange',
  'schedule destruction at afterKeyDestroy',
  'restore at beforeKeyRestore',
  'destroy due at afterKeyDestroy',
  'destroy due at afterMaterialDestroy',
  'destroy due at beforeKeyCompactionRename',
  'rotate at beforeAuditDelivery',
  'rewrap at afterDekRewrap',
  'erase at beforeErasureReceipt',
  'new root key at afterRootSealRename',
];

export function fewKills(): KmsKill[] {
  return allKills().filter((kill) => few.includes(describeKill(kill)));
}

export function describeKill({ operation, failpoint }: KmsKill): string {
  return `${operation.name} at ${failpoint ?? 'random'}`;
}

/** A kill from outside while the operation runs, as the seed has it. */
export function randomKills(chance: Chance, count: number): KmsKill[] {
  return Array.from({ length: count }, () => {
    const operation = chance.pick(kmsOperations);
    return { operation, failpoint: null, hit: 0, afterMs: chance.below(120) };
  });
}

/** The kills one after the other in one directory, until they are done or a promise is broken. */
export async function runKmsCampaign(
  kills: readonly KmsKill[],
  print: (line: string) => void = () => undefined,
): Promise<KmsCampaignReport> {
  const startedMs = performance.now();
  const directory = new KmsDirectory();
  const counted = new Map<string, number>();
  const missed: string[] = [];
  const { violations } = directory.world;
  await directory.settle(
    kills.filter(({ operation }) => operation.name === 'destroy due').length + 3,
  );
  for (const kill of kills) {
    if (violations.length > 0) break;
    const name = describeKill(kill);
    const how = await directory.live(kill);
    if (how === 'missed') missed.push(name);
    else counted.set(name, (counted.get(name) ?? 0) + 1);
    print(`${name}: ${how}, ${Math.round(performance.now() - startedMs)} ms`);
  }
  if (violations.length === 0) await directory.conclude();
  const isWhole = violations.length === 0;
  if (isWhole) directory.remove();
  for (const violation of violations) print(`BROKEN: ${violation}`);
  return {
    kills: counted,
    missed,
    violations,
    directory: isWhole ? null : directory.path,
    seconds: (performance.now() - startedMs) / 1000,
  };
}
