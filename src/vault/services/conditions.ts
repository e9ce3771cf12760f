import type { KeyState } from '../keys/key-state.ts';
import type { Condition } from './service.ts';

/** Why something is not ready, in Cloud Run's words. */
export interface Fault {
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/** A failed revision, and what its service says of it. */
export interface DeployFault extends Fault {
  /** The revision's condition that it broke. */
  readonly type: 'ContainerReady' | 'ContainerHealthy' | 'ResourcesAvailable';
  /** The service's message; the revision's own is `message`. */
  readonly serviceMessage: string;
}

/** How long the parts of a deployment took. */
export interface DeployTimes {
  readonly importMs: number;
  readonly startMs: number;
  readonly totalMs: number;
}

type Step = Omit<Condition, 'lastTransitionMs'>;

const deploying = { reason: 'Deploying', message: 'Deploying Revision.' };

/** Conditions of a service while a revision is on its way. */
export function deployingService(before: readonly Condition[], nowMs: number): Condition[] {
  return merged(before, nowMs, serviceSteps('Unknown', 'Unknown', deploying));
}

/**
 * Conditions of a service at rest: `configuration` is what is wrong with its latest revision,
 * `route` with its traffic.
 */
export function settledService(
  before: readonly Condition[],
  nowMs: number,
  faults: { readonly configuration: Fault | null; readonly route: Fault | null },
): Condition[] {
  const { configuration, route } = faults;
  return merged(before, nowMs, [
    step('Ready', configuration ?? route),
    step('ConfigurationsReady', configuration),
    step('RoutesReady', route),
  ]);
}

function serviceSteps(
  configurations: Condition['status'],
  routes: Condition['status'],
  why: Fault,
): Step[] {
  return [
    { type: 'Ready', status: configurations, ...why },
    { type: 'ConfigurationsReady', status: configurations, ...why },
    { type: 'RoutesReady', status: routes, ...why },
  ];
}

function step(type: string, fault: Fault | null): Step {
  if (fault === null) return { type, status: 'True' };
  return { type, status: 'False', reason: fault.reason, message: fault.message };
}

/** Of a revision that was only recorded. */
export function newRevision(nowMs: number): Condition[] {
  return merged([], nowMs, [
    { type: 'Ready', status: 'Unknown', ...deploying },
    { type: 'ContainerHealthy', status: 'Unknown' },
    { type: 'ContainerReady', status: 'Unknown' },
    { type: 'ResourcesAvailable', status: 'Unknown' },
    {
      type: 'Retry',
      status: 'True',
      reason: 'ImmediateRetry',
      message: 'System will retry after 00:00 from lastTransitionTime for attempt 0.',
      severity: 'Info',
    },
  ]);
}

export function importedRevision(
  before: readonly Condition[],
  nowMs: number,
  importMs: number,
): Condition[] {
  const message = lasted('Container image import completed', importMs);
  return merged(before, nowMs, [{ type: 'ContainerReady', status: 'True', message }]);
}

export function readyRevision(
  before: readonly Condition[],
  nowMs: number,
  { importMs, startMs, totalMs }: DeployTimes,
): Condition[] {
  return merged(importedRevision(before, nowMs, importMs), nowMs, [
    { type: 'Ready', status: 'True', message: lasted('Deploying revision succeeded', totalMs) },
    {
      type: 'ContainerHealthy',
      status: 'True',
      message: lasted('Containers became healthy', startMs),
    },
    { type: 'ResourcesAvailable', status: 'True' },
  ]);
}

export function failedRevision(
  before: readonly Condition[],
  nowMs: number,
  { type, ...fault }: DeployFault,
): Condition[] {
  return merged(before, nowMs, [step('Ready', fault), step(type, fault)]);
}

/** Of a revision whose deployment ended because a newer one began. */
export function supersededRevision(
  before: readonly Condition[],
  nowMs: number,
  newer: string,
): Condition[] {
  const message = `Superseded by revision '${newer}' before it was ready.`;
  return merged(before, nowMs, [step('Ready', { reason: 'Retired', message })]);
}

/** Of a revision that it cannot decide itself: whether its service sends it requests. */
export function activeCondition(isActive: boolean, sinceMs: number): Condition {
  const base = { type: 'Active', severity: 'Info', lastTransitionMs: sinceMs } as const;
  if (isActive) return { ...base, status: 'True' };
  return { ...base, status: 'False', reason: 'Retired', message: 'Revision retired.' };
}

export function statusOf(conditions: readonly Condition[], type: string): Condition['status'] {
  return conditions.find((condition) => condition.type === type)?.status ?? 'Unknown';
}

/** What a key that is not good does to readiness; null: nothing. */
export function keyFault(state: KeyState): Fault | null {
  if (state.condition === 'ENABLED') return null;
  const isDenied = state.cause === 'denied';
  const reason = isDenied ? 'EncryptionKeyPermissionDenied' : 'EncryptionKeyCheckFailed';
  return { reason, message: state.message };
}

/** As long as a key is revoked, what was true of `types` is not. */
export function withRevokedKey(
  conditions: readonly Condition[],
  state: KeyState,
  types: readonly string[],
): readonly Condition[] {
  const fault = state.condition === 'REVOKED' ? keyFault(state) : null;
  if (fault === null) return conditions;
  return conditions.map((condition) => {
    if (condition.status !== 'True' || !types.includes(condition.type)) return condition;
    return { ...condition, status: 'False', ...fault, lastTransitionMs: state.sinceMs };
  });
}

/** A condition keeps its time as long as its status stays. */
function merged(before: readonly Condition[], nowMs: number, steps: readonly Step[]): Condition[] {
  const next = new Map(before.map((condition) => [condition.type, condition]));
  for (const each of steps) {
    const old = next.get(each.type);
    const isSame = old !== undefined && old.status === each.status;
    next.set(each.type, { ...each, lastTransitionMs: isSame ? old.lastTransitionMs : nowMs });
  }
  return [...next.values()];
}

function lasted(what: string, ms: number): string {
  return `${what} in ${seconds(ms)}.`;
}

/** `12.79s`, `1m35.4s`: at most two decimals. */
function seconds(ms: number): string {
  const hundredths = Math.max(0, Math.round(ms / 10));
  const minutes = Math.floor(hundredths / 6_000);
  const rest = (hundredths % 6_000) / 100;
  return minutes === 0 ? `${rest}s` : `${minutes}m${rest}s`;
}
