import { setTimeout as delay } from 'node:timers/promises';
import { type AuditedChange, auditEntries, receiptMethod } from './kms-audit.ts';
import type { KmsWorld, Version } from './kms-world.ts';

interface Report {
  readonly state: string;
  readonly error?: string;
  readonly parts: readonly {
    readonly part: string;
    readonly verifiedCount: number;
    readonly damagedCount: number;
  }[];
  readonly findings: readonly { readonly kind: string; readonly problem: string }[];
}

interface Account {
  readonly uniqueId: string;
}

/** What holds after each start, whatever the server died of. */
export async function checkLife(world: KmsWorld, standing: readonly string[]): Promise<void> {
  await checkDestructions(world);
  await checkAuditLog(world);
  await checkMessages(world, standing);
  await checkAccount(world);
  await checkStored(world);
}

/** Destroyed when it is due, and no earlier. */
async function checkDestructions(world: KmsWorld): Promise<void> {
  for (const [name, dueMs] of world.doomed) {
    const { state, destroyEventTime = '' } = await world.get<Version>(name);
    if (state === 'DESTROYED') {
      if (!(Date.parse(destroyEventTime) >= dueMs)) {
        world.violate(`${name} was due at ${dueMs}, and destroyed at ${destroyEventTime}`);
      }
      world.doomed.delete(name);
      world.destroyed.add(name);
      world.expectEntry('system_event', 'DestroyCryptoKeyVersion', name);
    } else if (state !== 'DESTROY_SCHEDULED' || world.server.wallMs() > dueMs + 60_000) {
      world.violate(`${name} is ${state}, due at ${dueMs}`);
    }
  }
  for (const name of world.destroyed) {
    const { state } = await world.get<Version>(name);
    if (state !== 'DESTROYED') world.violate(`${name} was DESTROYED, and is ${state}`);
  }
}

/** Each change that stands is in the log once, and no other; time goes one way. */
async function checkAuditLog(world: KmsWorld): Promise<void> {
  const { entries } = world;
  const listed = await auditEntries(world, 'timestamp>="2000-01-01"');
  const counted = new Map<string, number>();
  for (const { log, method, resource } of listed.filter(isCounted)) {
    const entry = `${log} ${method} ${resource}`;
    counted.set(entry, (counted.get(entry) ?? 0) + 1);
  }
  for (const entry of new Set([...entries.keys(), ...counted.keys()])) {
    const [wanted = 0, found = 0] = [entries.get(entry), counted.get(entry)];
    if (wanted !== found) world.violate(`the audit log has ${found} of ${wanted}: ${entry}`);
  }
  const erased = listed.filter(({ method }) => method === receiptMethod).map(({ dekId }) => dekId);
  if (new Set(erased).size < erased.length) world.violate('a DEK has two receipts');
  const back = listed.findIndex(({ timeMs }, i) => timeMs < (listed[i - 1]?.timeMs ?? 0));
  if (back >= 0) world.violate(`entry ${back} of the audit log is earlier than the one before`);
}

/** Changes of keys that succeeded. */
function isCounted({ method, isFailure }: AuditedChange): boolean {
  return !isFailure && !method.includes('.');
}

/** What was published in the life before under other keys comes, and what is published now will. */
async function checkMessages(world: KmsWorld, topics: readonly string[]): Promise<void> {
  const { rest } = world;
  for (const topic of topics) {
    const subscription = topic.replace('/topics/', '/subscriptions/');
    const isThere = await world.until(`a message of ${topic}`, async () => {
      const [message] = await rest.pull(subscription, 1);
      if (message === undefined) return false;
      if (message.data.toString() !== topic) world.violate(`${topic} delivers other bytes`);
      await rest.acknowledge(subscription, [message.ackId]);
      return true;
    });
    if (isThere) await rest.publish(topic, [{ data: Buffer.from(topic), attributes: {} }]);
  }
}

/** An account that was made in the first life is there in every later one, and is the same. */
async function checkAccount(world: KmsWorld): Promise<void> {
  const path = '/v1/projects/crash/serviceAccounts';
  if (world.accountId === '') {
    const made = await world.rest.call<Account>('POST', path, { accountId: 'first-one' });
    world.accountId = made.uniqueId;
    return;
  }
  const { accounts = [] } = await world.rest.call<{ accounts?: Account[] }>('GET', path);
  const found = accounts.map(({ uniqueId }) => uniqueId).join();
  if (found !== world.accountId) {
    world.violate(`the account ${world.accountId} was made, and there is ${found}`);
  }
}

/** `sealpost verify` finds every byte as it was written. */
async function checkStored(world: KmsWorld): Promise<void> {
  const path = '/sealpost/v1/verification';
  await world.rest.call('POST', `${path}:start`, {});
  let report = await world.rest.call<Report>('GET', path);
  for (; report.state === 'running'; report = await world.rest.call<Report>('GET', path)) {
    await delay(5);
  }
  const { state, parts, findings, error = '' } = report;
  const wrong = findings.filter(({ problem }) => !problem.startsWith('its topic is gone'));
  if (state !== 'done' || wrong.length > 0) {
    world.violate(`the verification is ${state} ${error}: ${JSON.stringify(wrong.slice(0, 5))}`);
  }
  for (const { part, verifiedCount } of parts) {
    if (verifiedCount === 0) world.violate(`the verification looked at nothing of ${part}`);
  }
}
