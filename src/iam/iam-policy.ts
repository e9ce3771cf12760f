import { requireCondition } from './conditions/condition.ts';
import { fieldError } from './iam-error.ts';
import type { Binding, BindingCondition, PolicyRecord } from './policy.ts';
import {
  hiddenConditionMark,
  requirePolicyVersion,
  requireRoomForConditions,
  versionOf,
} from './policy-version.ts';

/** A policy as it is read: `etag` names exactly this state of it. */
export interface IamPolicy {
  /** 3 if conditions are shown, else 1. */
  readonly version: number;
  /** Base64. */
  readonly etag: string;
  readonly bindings: readonly Binding[];
}

export type NewBinding = Binding;

/** A policy to be set. Without `etag` it overwrites whatever is there, conditions too. */
export interface NewIamPolicy {
  /** 0, 1 or 3; only 3 may have conditions. */
  readonly version?: number;
  readonly etag?: string;
  readonly bindings: readonly NewBinding[];
}

const membersMax = 1500;
/** Before equal ones are joined, so that what is too much costs nothing. */
const bindingsMax = 1500;
/** A decision may have to read and ask all of them: what a policy costs falls on everybody. */
const conditionsMax = 100;
const conditionsLengthMax = 16_384;
/** Of the stored JSON, in characters: policies are read and parsed for each use of a key. */
const policyLengthMax: number = 256 * 1024;
const memberLengthMax = 512;
/** What IAM takes of a condition, in characters. */
const expressionLengthMax = 12_000;
const titleLengthMax = 100;
const descriptionLengthMax = 256;
const rolePattern =
  /^(?:roles|(?:projects|organizations)\/[A-Za-z0-9.:_-]{1,100}\/roles)\/[A-Za-z0-9._]{1,100}$/;
const memberPattern =
  /^(?:(?:user|serviceAccount|group|domain|projectOwner|projectEditor|projectViewer|principal|principalSet|deleted):\S+|allUsers|allAuthenticatedUsers)$/;

/**
 * What is stored of a policy: one binding a role and condition, each member once, empty ones gone.
 *
 * @throws RpcError INVALID_ARGUMENT
 */
export function policyRecordOf(policy: NewIamPolicy): PolicyRecord {
  const version = policy.version ?? 0;
  requirePolicyVersion(version, 'policy.version');
  requireBindingCount(policy.bindings);
  const joined = new Map<string, { grant: Omit<Binding, 'members'>; members: Set<string> }>();
  for (const binding of policy.bindings) {
    const grant = grantOf(binding, version);
    const key = JSON.stringify(grant);
    const { members } = joined.get(key) ?? { members: new Set() };
    for (const member of binding.members) members.add(requireMember(member));
    joined.set(key, { grant, members });
  }
  const bindings = [...joined.values()]
    .filter(({ members }) => members.size > 0)
    .map(({ grant, members }) => ({ ...grant, members: [...members] }));
  requireMemberCount(bindings);
  requirePolicyLength(bindings);
  return { version: versionOf(bindings), bindings };
}

function grantOf({ role, condition }: NewBinding, version: number): Omit<Binding, 'members'> {
  if (!rolePattern.test(role) || role.includes(hiddenConditionMark)) {
    const shown = role.slice(0, 128);
    const message = `Role ${shown} is not supported for this resource.`;
    throw fieldError('policy.bindings.role', message);
  }
  if (condition === undefined) return { role };
  requireRoomForConditions(version);
  return { role, condition: checkedCondition(condition) };
}

function checkedCondition(condition: BindingCondition): BindingCondition {
  const { expression, title = '', description = '', location = '' } = condition;
  requireLength('expression', expression, 1, expressionLengthMax);
  requireLength('title', title, 1, titleLengthMax);
  requireLength('description', description, 0, descriptionLengthMax);
  requireLength('location', location, 0, descriptionLengthMax);
  requireCondition(expression);
  return {
    expression,
    title,
    ...(description !== '' && { description }),
    ...(location !== '' && { location }),
  };
}

function requireLength(name: string, text: string, lengthMin: number, lengthMax: number): void {
  if (text.length >= lengthMin && text.length <= lengthMax) return;
  const field = `policy.bindings.condition.${name}`;
  throw fieldError(
    field,
    `Request field ${field} must have length of at least ${lengthMin}, but not more than ` +
      `${lengthMax}. Provided value had length ${text.length}.`,
  );
}

function requireMember(member: string): string {
  if (member.length <= memberLengthMax && memberPattern.test(member)) return member;
  throw fieldError(
    'policy.bindings.members',
    `The member ${member.slice(0, 128)} is of an unknown type. ` +
      'Please set a valid type prefix for the member.',
  );
}

function requireBindingCount(bindings: readonly NewBinding[]): void {
  const conditions = bindings.flatMap(({ condition }) => condition?.expression ?? []);
  const { length } = conditions.join('');
  const limits: readonly [string, number, number][] = [
    ['bindings', bindings.length, bindingsMax],
    ['conditional role bindings', conditions.length, conditionsMax],
    ['characters of conditions', length, conditionsLengthMax],
  ];
  for (const [what, count, max] of limits) {
    if (count <= max) continue;
    const message = `The policy has ${count} ${what}, more than the limit of ${max}.`;
    throw fieldError('policy.bindings', message);
  }
}

function requireMemberCount(bindings: readonly Binding[]): void {
  const count = bindings.reduce((sum, { members }) => sum + members.length, 0);
  if (count <= membersMax) return;
  const message = `The policy has ${count} members, more than the limit of ${membersMax}.`;
  throw fieldError('policy.bindings', message);
}

function requirePolicyLength(bindings: readonly Binding[]): void {
  const { length } = JSON.stringify(bindings);
  if (length <= policyLengthMax) return;
  const message = `The policy has ${length} characters, more than the limit of ${policyLengthMax}.`;
  throw fieldError('policy.bindings', message);
}
