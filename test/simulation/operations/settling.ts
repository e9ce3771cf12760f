import type { SettleResult } from '../../../src/broker/index.ts';
import { RpcError } from '../../../src/rpc/index.ts';
import { assert } from '../../../src/runtime/index.ts';
import { standingOf, type Held } from '../driver/held.ts';
import type { World } from '../driver/world.ts';
import { latenessMs, type ModelSubscription } from '../model/subscription.ts';

/** Up to ten deliveries of one subscription, of any age; most of them are forgotten then. */
function someHeld(world: World): readonly [ModelSubscription, Held[]] | undefined {
  const one = world.one(world.held);
  if (one === undefined) return undefined;
  const same = world.held.filter(({ subscription }) => subscription === one.subscription);
  const recent = world.chance(3) ? same : same.slice(-12);
  const start = world.dice.below(recent.length);
  const some = recent.slice(start, start + 1 + world.dice.below(10));
  if (!world.chance(3)) world.held = world.held.filter((each) => !some.includes(each));
  world.say(`${one.subscription.name}: ${some.map(({ text }) => text).join(' ')}`);
  return [one.subscription, some];
}

export async function acknowledge(world: World): Promise<void> {
  const found = someHeld(world);
  if (found === undefined) return;
  const [subscription, some] = found;
  if (subscription.isDeleted) return;
  if (subscription.terms.isExactlyOnce) {
    if (!world.isDoomed) await world.join();
    const acking = acknowledgeOnce(world, subscription, some);
    await (world.isDoomed ? world.perform(acking) : world.harness.until(acking));
  } else await world.perform(acknowledgeSome(world, subscription, some));
}

/** As the subscription wants it; answered when it resolves. */
export async function acknowledgeNow(
  world: World,
  subscription: ModelSubscription,
  some: readonly Held[],
): Promise<void> {
  const isOnce = subscription.terms.isExactlyOnce;
  await (isOnce ? acknowledgeOnce : acknowledgeSome)(world, subscription, some);
}

/** The model's side of an ack: what it names now must not come again. */
function acking(world: World, subscription: ModelSubscription, some: readonly Held[]): object {
  const request = {};
  for (const held of some) {
    const standing = standingOf(held);
    if (standing === 'void') continue;
    const isUnclear = standing === 'unclear' || subscription.terms.isExactlyOnce;
    if (isUnclear) subscription.doubt(held.text);
    else subscription.ack(held.text, held.ackId, request, world.now);
    world.ledger.excuse(subscription.name, held.text);
  }
  return request;
}

async function acknowledgeSome(
  world: World,
  subscription: ModelSubscription,
  some: readonly Held[],
): Promise<void> {
  const { name } = subscription;
  const forecast = world.weather.forecast();
  const request = acking(world, subscription, some);
  const ids = some.map(({ ackId }) => ackId);
  const isEach = world.chance(3);
  try {
    if (isEach) await world.broker.acknowledgeEach(name, ids);
    else await world.broker.acknowledge(name, ids);
    subscription.confirm(request);
    world.report.acked += ids.length;
  } catch (error) {
    forecast.excuse(
      error,
      [`gone ${name}`, 'NOT_FOUND'],
      ['draining', 'UNAVAILABLE'],
      [`detached ${name}`, 'FAILED_PRECONDITION'],
      [`exactly once ${name}`, 'INVALID_ARGUMENT'],
    );
    world.report.refused++;
  } finally {
    forecast.over();
  }
}

/** Of an answer that names ids which failed. */
const exactlyOnceCodes = ['INVALID_ARGUMENT', 'FAILED_PRECONDITION', 'UNAVAILABLE'];

type Verdict = 'must' | 'may' | 'must not';

/** Whether an ack of this id may succeed, when each is answered for itself. */
function verdictOf(world: World, subscription: ModelSubscription, held: Held): Verdict {
  const entry = subscription.entries.get(held.text);
  subscription.pass(world.now);
  const standing = standingOf(held);
  if (standing === 'unclear' || subscription.seeking > 0 || entry === undefined) return 'may';
  if (standing === 'void') return 'must not';
  const { nowMs } = world.now;
  if (entry.wasPast || subscription.isDying(entry, world.now)) return 'may';
  // How a message was acknowledged is forgotten by a restart: then any of its ids was. That one
  // was brought to a dead letter topic is no acknowledgement that anybody remembers.
  if (entry.fate !== 'owed')
    return world.report.restarts > 0 || entry.isExhausted || entry.latestAckId === held.ackId
      ? 'may'
      : 'must not';
  if (entry.latestAckId !== held.ackId) {
    // Void because an earlier one of its key failed: a crash may come before the disk has that.
    return entry.isRestored && entry.message.key !== '' ? 'may' : 'must not';
  }
  // It failed by itself, or only with an earlier one of its key.
  if (entry.lease === null) return entry.isIdUnclear ? 'may' : 'must not';
  const { untilMs, perhapsUntilMs, isCertain, isDurable } = entry.lease;
  if (!isCertain || !isDurable) return 'may';
  if (Math.max(untilMs, perhapsUntilMs) + latenessMs < nowMs) return 'must not';
  return untilMs > nowMs ? 'must' : 'may';
}

/** Exactly once: every id is answered, and an answer is a promise. */
async function acknowledgeOnce(
  world: World,
  subscription: ModelSubscription,
  some: readonly Held[],
): Promise<void> {
  const forecast = world.weather.forecast();
  const { name } = subscription;
  const verdicts = some.map((held) => verdictOf(world, subscription, held));
  const fates = some.map(({ text }) => subscription.entries.get(text)?.fate);
  const { generation } = subscription;
  const request = acking(world, subscription, some);
  try {
    const results = world.chance(2)
      ? await world.broker.acknowledgeEach(
          name,
          some.map(({ ackId }) => ackId),
        )
      : await unaryResults(world, name, some);
    for (const [i, held] of some.entries()) {
      assertVerdict(verdicts[i]!, results[i]!, `${name}: ack of ${held.text}`, forecast.seen);
      if (subscription.generation !== generation) continue;
      if (results[i] === 'done') subscription.ackedOnce(held.text, held.ackId, request);
      else if (results[i] !== 'failed' && fates[i] === 'owed') subscription.stillOwed(held.text);
    }
    subscription.confirm(request);
    world.report.acked += results.filter((result) => result === 'done').length;
  } catch (error) {
    forecast.excuse(
      error,
      ['draining', 'UNAVAILABLE'],
      [`gone ${name}`, 'NOT_FOUND'],
      [`detached ${name}`, 'FAILED_PRECONDITION'],
    );
    world.report.refused++;
  } finally {
    forecast.over();
  }
}

function assertVerdict(
  verdict: Verdict,
  result: SettleResult,
  what: string,
  conditions: ReadonlySet<string>,
): void {
  const isStale = verdict === 'must not' && result === 'done';
  assert(!isStale, `${what}: an id that was over succeeded`);
  const isExcused = result === 'unordered' || (result === 'failed' && conditions.has('storage'));
  const isRefused = verdict === 'must' && result !== 'done' && !isExcused;
  assert(!isRefused, `${what}: ${result}, with a lease that was there`);
}

/** The same by the unary call, whose error names what failed. */
async function unaryResults(
  world: World,
  name: string,
  some: readonly Held[],
): Promise<SettleResult[]> {
  try {
    await world.broker.acknowledge(
      name,
      some.map(({ ackId }) => ackId),
    );
    return some.map(() => 'done');
  } catch (error) {
    const { code, details } = RpcError.from(error);
    const info = details.find(
      (detail) => detail['@type'] === 'type.googleapis.com/google.rpc.ErrorInfo',
    );
    const metadata = (info as { metadata?: Record<string, string> } | undefined)?.metadata;
    if (!exactlyOnceCodes.includes(code) || metadata === undefined) throw error;
    return some.map(({ ackId }): SettleResult => {
      const reason = metadata[ackId];
      if (reason === undefined) return 'done';
      if (reason.includes('UNORDERED')) return 'unordered';
      return reason.startsWith('TRANSIENT') ? 'failed' : 'expired';
    });
  }
}

/** On a stream: no answer. */
export async function streamAcknowledge(world: World): Promise<void> {
  const found = someHeld(world);
  if (found === undefined) return;
  const [subscription, some] = found;
  if (subscription.isDeleted) return;
  acking(world, subscription, some);
  const ids = ['not an ack id', ...some.map(({ ackId }) => ackId)];
  world.broker.streamAcknowledge(subscription.name, ids);
}

export async function modifyDeadline(world: World): Promise<void> {
  const found = someHeld(world);
  if (found === undefined) return;
  const [subscription, some] = found;
  if (subscription.isDeleted) return;
  const { name } = subscription;
  const seconds = world.one([0, 0, 0, 10, 60])!;
  world.say(seconds === 0 ? 'given back' : `${seconds} s`);
  const ids = some.map(({ ackId }) => ackId);
  if (world.chance(3)) {
    moving(world, subscription, some, seconds);
    world.broker.streamModifyAckDeadline(
      name,
      ids,
      ids.map(() => seconds),
    );
    return;
  }
  const forecast = world.weather.forecast();
  moving(world, subscription, some, seconds);
  const asked = world.chance(3)
    ? world.broker.modifyAckDeadlineEach(name, ids, seconds).then(() => undefined)
    : world.broker.modifyAckDeadline(name, ids, seconds);
  const done = asked
    .catch((error: unknown) =>
      forecast.excuse(
        error,
        [`gone ${name}`, 'NOT_FOUND'],
        ['draining', 'UNAVAILABLE'],
        [`detached ${name}`, 'FAILED_PRECONDITION'],
        [`exactly once ${name}`, 'INVALID_ARGUMENT'],
        [forecast.seen.has('storage') ? `exactly once ${name}` : '', 'UNAVAILABLE'],
      ),
    )
    .finally(() => forecast.over());
  await world.perform(done);
}

function moving(
  world: World,
  subscription: ModelSubscription,
  some: readonly Held[],
  seconds: number,
): void {
  for (const held of some) {
    const standing = standingOf(held);
    if (standing === 'void') continue;
    if (standing === 'unclear') subscription.doubtLease(held.text, held.ackId);
    else subscription.modify(held.text, held.ackId, seconds, world.now);
  }
}
