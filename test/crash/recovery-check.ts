import type { KnownSnapshot, KnownSubscription, KnownTopic, Ledger } from './ledger.ts';
import { statusOf, type PubsubClient } from './pubsub-client.ts';

/** Rounds of pulling that must bring everything that is owed. */
const roundsMax = 200;

/** After a start: holds what the server shows against everything that it ever answered. */
export async function checkRecovered(
  ledger: Ledger,
  client: PubsubClient,
  project: string,
): Promise<void> {
  ledger.forgetHeld();
  compare(ledger, [...ledger.topics.values()], await client.listTopics(project));
  compare(ledger, [...ledger.subscriptions.values()], await client.listSubscriptions(project));
  compare(ledger, [...ledger.snapshots.values()], await client.listSnapshots(project));
  for (const known of ledger.existing()) await drainOwed(ledger, client, known);
}

function compare(
  ledger: Ledger,
  known: readonly (KnownTopic | KnownSubscription | KnownSnapshot)[],
  listed: readonly string[],
): void {
  const there = new Set(listed);
  for (const one of known) {
    const isThere = there.delete(one.name);
    if (one.state === 'there' && !isThere) ledger.violate(`${one.name} was answered and is gone`);
    if (one.state === 'gone' && isThere) ledger.violate(`${one.name} was deleted and is back`);
    if (one.state === 'wanted') one.state = isThere ? 'there' : 'gone';
    if (one.state === 'doomed' && !isThere) one.state = 'gone';
  }
  for (const name of there) ledger.violate(`${name} exists, but nobody asked for it`);
}

/** Pulls, without acknowledging, until everything that is owed has come. */
async function drainOwed(
  ledger: Ledger,
  client: PubsubClient,
  known: KnownSubscription,
): Promise<void> {
  const missing = new Set(known.owed);
  let idleRounds = 0;
  for (let round = 0; missing.size > 0 && round < roundsMax && idleRounds < 20; round++) {
    const asked = ledger.now();
    const keys = ledger.received(known, await client.pull(known.name, 1000), asked);
    for (const key of keys) missing.delete(key);
    idleRounds = keys.length > 0 ? 0 : idleRounds + 1;
  }
  if (missing.size === 0) return;
  const [example] = missing;
  ledger.violate(
    `${known.name} never delivers ${missing.size} answered messages, such as ${example}`,
  );
}

/** Whether a call failed because the server died, and not because it refused. */
export function isBroken(error: unknown): boolean {
  return statusOf(error) === 'BROKEN';
}
