import type { KeyCaller } from '../key-service.ts';
import { type KmsContext, observed } from '../kms-context.ts';
import type { KmsName } from '../names.ts';
import { grantKeyUse } from './audited-policies.ts';
import type { IamPolicy, NewIamPolicy } from './iam-policy.ts';
import { operatorMember } from './key-access.ts';
import { readPolicy, testPermissions, writePolicy } from './policies.ts';

/**
 * IAM policies of projects, key rings and keys, as the operator reads and sets them. A project's
 * bindings hold for all keys of the project, a ring's for all keys of the ring.
 */
export class IamPolicies {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /** See readPolicy. */
  get(resource: string, requestedVersion?: number): Promise<IamPolicy> {
    return observed(this.#context, 'GetIamPolicy', () =>
      readPolicy(this.#context, resource, requestedVersion),
    );
  }

  /** See writePolicy. */
  set(resource: string, policy: NewIamPolicy): Promise<IamPolicy> {
    return observed(this.#context, 'SetIamPolicy', () =>
      writePolicy(this.#context, resource, policy),
    );
  }

  /** See grantKeyUse. */
  grantKeyUse(
    key: KmsName & { readonly cryptoKey: string },
    member: string,
    caller: KeyCaller,
  ): Promise<boolean> {
    return grantKeyUse(this.#context, key, member, caller);
  }

  /** See testPermissions. */
  test(resource: string, permissions: readonly string[]): Promise<readonly string[]> {
    return observed(this.#context, 'TestIamPermissions', () =>
      testPermissions(this.#context, resource, permissions, operatorMember),
    );
  }
}
