import {
  assert,
  asyncProperty,
  constantFrom,
  nat,
  oneof,
  record,
  array,
  constant,
} from 'fast-check';
import { expect, test } from 'vitest';
import { RpcError } from '../../rpc/index.ts';
import {
  caller,
  disabledMessage,
  hello,
  keyed,
  keyStateOf,
  runKey,
  RunServiceBench,
  specOf,
} from '../../../test/support/run-service-bench.ts';
import { statusOf } from './conditions.ts';
import type { Revision, Service, ServiceSpec } from './service.ts';

type Step =
  | {
      readonly kind: 'write';
      readonly image: string;
      readonly isKeyed: boolean;
      readonly pin: boolean;
    }
  | { readonly kind: 'reroute' | 'delete' | 'prune' | 'crash' | 'idle' | 'revoke' | 'restore' }
  | { readonly kind: 'pass'; readonly turns: number };

const steps = oneof(
  record<Step & { kind: 'write' }>({
    kind: constant('write'),
    image: constantFrom('good:1', 'good:2', 'missing:1', 'sick:1', 'slow:1'),
    isKeyed: constantFrom(true, false),
    pin: constantFrom(true, false, false),
  }),
  record({ kind: constantFrom('reroute', 'delete', 'prune', 'idle', 'revoke', 'restore') }),
  record({ kind: constant('crash' as const) }),
  record({ kind: constant('pass' as const), turns: nat(12) }),
);

/** Images say how they fare. */
async function open(): Promise<RunServiceBench> {
  const bench = await new RunServiceBench({ revisionsMax: 4 }).open();
  bench.onImport = async (image) => {
    if (image.startsWith('slow')) await bench.clock.settle(6);
    if (image.startsWith('missing')) throw new RpcError('NOT_FOUND', 'X', 'not found.');
  };
  bench.onStart = ({ template }) => {
    if (!template.container.image.startsWith('sick')) return;
    throw new RpcError('FAILED_PRECONDITION', 'X', 'Container called exit(1).');
  };
  return bench;
}

async function current(bench: RunServiceBench): Promise<Service | null> {
  return bench.run.get(hello).catch(() => null);
}

async function revisions(bench: RunServiceBench): Promise<readonly Revision[]> {
  const request = { project: 'p', location: '-', labels: {}, limit: 0, continueToken: '' };
  return (await bench.run.listRevisions(request)).items;
}

/** A revision that was read may be gone by the cap when it is named. */
function unlessGone(error: RpcError): void {
  if (!/^spec\.traffic.* does not exist\.$/.test(error.message)) throw error;
}

async function write(bench: RunServiceBench, step: Step & { kind: 'write' }): Promise<void> {
  const service = await current(bench);
  const pinned = service?.latestReadyRevisionId;
  const traffic = step.pin && pinned ? [{ revisionId: pinned, percent: 100 }] : [];
  const spec: ServiceSpec = specOf(step.isKeyed ? keyed() : {}, { image: step.image, traffic });
  if (service === null) await bench.run.create(hello, spec, {}, caller);
  else await bench.run.replace(hello, spec, {}, caller).catch(unlessGone);
}

async function reroute(bench: RunServiceBench): Promise<void> {
  const service = await current(bench);
  const [first] = await revisions(bench);
  if (service === null || first === undefined) return;
  const traffic = [{ revisionId: first.name.revisionId, percent: 60 }, { percent: 40 }];
  await bench.run.replace(hello, { ...service.spec, traffic }, {}, caller).catch(unlessGone);
}

async function prune(bench: RunServiceBench): Promise<void> {
  for (const { name } of await revisions(bench)) {
    const refused = await bench.run.deleteRevision(name, caller).catch((error: RpcError) => error);
    if (refused) expect(['REVISION_IN_USE', 'RESOURCE_NOT_FOUND']).toContain(refused.reason);
    else return;
  }
}

async function take(bench: RunServiceBench, step: Step): Promise<void> {
  if (step.kind === 'write') await write(bench, step);
  else if (step.kind === 'reroute') await reroute(bench);
  else if (step.kind === 'prune') await prune(bench);
  else if (step.kind === 'delete' && (await current(bench)))
    await bench.run.delete(hello, {}, caller);
  else if (step.kind === 'pass') await bench.clock.settle(step.turns);
  else if (step.kind === 'idle') await bench.idle();
  else if (step.kind === 'restore') bench.keys.delete(runKey);
  else if (step.kind === 'revoke') {
    const state = { condition: 'REVOKED', cause: 'disabled', message: disabledMessage } as const;
    bench.keys.set(runKey, keyStateOf(state));
  } else if (step.kind === 'crash') {
    await bench.crash();
    await bench.open();
  }
}

/** What holds at any moment, whatever is under way. */
async function checkAlways(bench: RunServiceBench): Promise<void> {
  const service = await current(bench);
  if (service === null) return;
  const known = new Map((await revisions(bench)).map((each) => [each.name.revisionId, each]));
  expect(known.has(service.latestCreatedRevisionId!)).toBe(true);
  const total = service.servedTraffic.reduce((sum, { percent }) => sum + percent, 0);
  expect([0, 100]).toContain(total);
  for (const { revisionId } of service.servedTraffic) {
    const revision = known.get(revisionId)!;
    // A revoked key shows as not ready; that it was deployed shows in what it was started from.
    expect(revision.imageDigest).not.toBeNull();
    expect(statusOf(revision.conditions, 'ContainerHealthy')).toBe('True');
  }
  expect(service.observedGeneration).toBeLessThanOrEqual(service.generation);
}

/** What holds when nothing is under way. */
async function checkAtRest(bench: RunServiceBench): Promise<void> {
  await checkAlways(bench);
  expect(await bench.rowKeys('vault/removal/')).toEqual([]);
  const service = await current(bench);
  const all = await revisions(bench);
  if (service === null) {
    expect([all, bench.targets, [...bench.registered]]).toEqual([[], [], []]);
    expect(await bench.rowKeys('vault/')).toEqual([]);
    return;
  }
  expect(service.observedGeneration).toBe(service.generation);
  expect(statusOf(service.conditions, 'Ready')).not.toBe('Unknown');
  for (const revision of all) expect(statusOf(revision.conditions, 'Ready')).not.toBe('Unknown');
  const deployed = all.filter(
    ({ conditions }) => statusOf(conditions, 'ContainerHealthy') === 'True',
  );
  const keyedOnes = deployed.filter(({ settings }) => settings.encryption !== null);
  const ids = (some: readonly Revision[]): string[] =>
    some.map(({ name }) => name.revisionId).toSorted();
  expect([...bench.registered].toSorted()).toEqual(ids(keyedOnes));
  expect(bench.watched.get(runKey) ?? 0).toBe(keyedOnes.length);
  expect([...bench.running].every((id) => ids(deployed).includes(id))).toBe(true);
  expect(all.length).toBeLessThanOrEqual(5);
  const routed = service.servedTraffic.map(({ revisionId }) => revisionId);
  for (const { traffic } of bench.targets) {
    expect(traffic.map(({ revisionId }) => revisionId)).toEqual(routed);
  }
  expect(bench.targets).toHaveLength(2);
}

test('whatever is asked, and wherever it crashes, rows agree with each other and with the world', async () => {
  const property = asyncProperty(array(steps, { minLength: 3, maxLength: 14 }), async (plan) => {
    const bench = await open();
    for (const step of plan as Step[]) {
      await take(bench, step);
      await checkAlways(bench);
    }
    await bench.idle();
    await checkAtRest(bench);
    await bench.run.stop();
  });
  await assert(property, { numRuns: 250, seed: 20_260_101 });
}, 120_000);
