import type { AccessRule } from '../access-rule.ts';
import { adminRules } from './admin-rules.ts';
import { kmsRules } from './kms-rules.ts';
import { pubsubRules } from './pubsub-rules.ts';
import { runRules } from './run-rules.ts';
import { sealpostRules } from './sealpost-rules.ts';

/** The one table: a row for every method of every API that is served. */
export const accessRules: readonly AccessRule[] = [
  ...pubsubRules,
  ...kmsRules,
  ...adminRules,
  ...runRules,
  ...sealpostRules,
];

const byRpc: ReadonlyMap<string, AccessRule> = new Map(accessRules.map((rule) => [rule.rpc, rule]));

/** The row of a method; undefined: it has none, and nobody but the operator may call it. */
export function accessRuleOf(rpc: string): AccessRule | undefined {
  return byRpc.get(rpc);
}
