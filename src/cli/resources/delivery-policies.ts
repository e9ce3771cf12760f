import { usageError } from '../command/command-error.ts';
import type { Call } from '../command/command-spec.ts';
import type { Json } from '../connection/rest-api.ts';
import type { ResourceNames } from '../connection/resource-names.ts';
import { durationField } from './resource-change.ts';

/** A policy of a subscription that several options make up. */
interface PolicyRule {
  readonly field: string;
  readonly path: string;
  readonly clearedBy: string;
  /** The policy's fields, by the option that sets each. */
  readonly parts: ReadonlyMap<string, readonly [field: string, value: PartValue]>;
}

type PartValue = (call: Call, option: string, names: ResourceNames) => unknown;

const rules: readonly PolicyRule[] = [
  {
    field: 'deadLetterPolicy',
    path: 'dead_letter_policy',
    clearedBy: 'clear-dead-letter-policy',
    parts: new Map([
      [
        'dead-letter-topic',
        ['deadLetterTopic', (call, option, names) => topicOf(call, option, names)],
      ],
      [
        'max-delivery-attempts',
        ['maxDeliveryAttempts', (call, option) => call.flags.number(option)],
      ],
    ]),
  },
  {
    field: 'retryPolicy',
    path: 'retry_policy',
    clearedBy: 'clear-retry-policy',
    parts: new Map([
      ['min-retry-delay', ['minimumBackoff', durationField]],
      ['max-retry-delay', ['maximumBackoff', durationField]],
    ]),
  },
];

const topicOf = ({ flags }: Call, option: string, names: ResourceNames): string =>
  names.topic(flags.text(option)!);

/** What the options change of a subscription's policies. */
export interface PolicyChange {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Of the update mask; a path without a field clears it. */
  readonly paths: readonly string[];
}

/** Policies of a new subscription. */
export function newPolicies(call: Call, names: ResourceNames): PolicyChange {
  const change = givenPolicies(call, names);
  refuseAttemptsAlone(change, {});
  return change;
}

/** Policies of an update; `stored` is the subscription: what is not named of a policy stays. */
export async function changedPolicies(
  call: Call,
  names: ResourceNames,
  stored: () => Promise<Json>,
): Promise<PolicyChange> {
  const cleared = rules.filter(({ clearedBy }) => call.flags.isSet(clearedBy));
  const given = givenPolicies(call, names);
  for (const { clearedBy, parts, path } of cleared) {
    if (!given.paths.includes(path)) continue;
    const option = [...parts.keys()].find((name) => call.flags.isSet(name))!;
    throw usageError(`--${option} and --${clearedBy} contradict each other.`);
  }
  const before = given.paths.length === 0 ? {} : await stored();
  refuseAttemptsAlone(given, before);
  const fields = Object.entries(given.fields).map(([field, policy]) => [
    field,
    { ...(before[field] as object | undefined), ...(policy as object) },
  ]);
  return {
    fields: Object.fromEntries(fields) as Record<string, unknown>,
    paths: [...given.paths, ...cleared.map(({ path }) => path)],
  };
}

function givenPolicies(call: Call, names: ResourceNames): PolicyChange {
  const fields: Record<string, unknown> = {};
  const paths: string[] = [];
  for (const { field, parts, path } of rules) {
    const given = [...parts].filter(([option]) => call.flags.isSet(option));
    if (given.length === 0) continue;
    const policy = given.map(([option, [part, value]]) => [part, value(call, option, names)]);
    fields[field] = Object.fromEntries(policy) as Record<string, unknown>;
    paths.push(path);
  }
  return { fields, paths };
}

function refuseAttemptsAlone(change: PolicyChange, before: Json): void {
  const policy = change.fields['deadLetterPolicy'] as Json | undefined;
  const stored = before['deadLetterPolicy'] as Json | undefined;
  if (policy === undefined || (policy['deadLetterTopic'] ?? stored) !== undefined) return;
  throw usageError('--max-delivery-attempts needs --dead-letter-topic.');
}
