import type { AccessRule, FieldOf } from './access-rule.ts';
import type { Principal } from './principal.ts';

/** Decides who may do what. Synchronous: policies are in memory. */
export interface Authorizer {
  /**
   * Lets a call pass. A method without a rule is refused to everybody but the operator.
   *
   * @throws RpcError PERMISSION_DENIED in the words of the method's service, the same whether the
   * resource exists or not
   */
  require(principal: Principal, rpc: string, field: FieldOf): void;
  /** Whether `principal` has `permission` on a resource, by its policy or one above it. */
  isGranted(principal: Principal, permission: string, resource: string): boolean;
  /** The row of a method; undefined if it has none. */
  ruleOf(rpc: string): AccessRule | undefined;
  /** `listener` is told after each change of a policy, so that what is open can be asked again. */
  onChange(listener: () => void): () => void;
}
