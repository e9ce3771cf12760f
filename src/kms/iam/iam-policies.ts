import type { IamPolicy, NewIamPolicy } from '../../iam/index.ts';
import type { KeyCaller } from '../key-service.ts';
import type { KmsContext } from '../kms-context.ts';
import type { KmsName } from '../names.ts';
import { getIamPolicy, grantKeyUse, setIamPolicy, testIamPermissions } from './audited-policies.ts';

/**
 * IAM policies of projects, key rings and keys. A project's bindings hold for all keys of the
 * project, a ring's for all keys of the ring.
 */
export class IamPolicies {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /** See readPolicy. */
  get(resource: string, caller: KeyCaller, requestedVersion?: number): Promise<IamPolicy> {
    return getIamPolicy(this.#context, resource, caller, requestedVersion);
  }

  /** See writePolicy. */
  set(resource: string, policy: NewIamPolicy, caller: KeyCaller): Promise<IamPolicy> {
    return setIamPolicy(this.#context, resource, policy, caller);
  }

  /** See testPermissions. */
  test(
    resource: string,
    permissions: readonly string[],
    caller: KeyCaller,
  ): Promise<readonly string[]> {
    return testIamPermissions(this.#context, resource, permissions, caller);
  }

  /** See grantKeyUse. */
  grantKeyUse(
    key: KmsName & { readonly cryptoKey: string },
    member: string,
    caller: KeyCaller,
  ): Promise<boolean> {
    return grantKeyUse(this.#context, key, member, caller);
  }
}
