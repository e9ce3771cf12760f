import { create } from '@bufbuild/protobuf';

import {
  argumentError,
  unimplementedError,
  type IamPolicy,
  type NewIamPolicy,
} from '../../kms/index.ts';
import type { SetIamPolicyRequest } from '../../proto/google/iam/v1/iam_policy_pb.ts';
import { PolicySchema, type Policy } from '../../proto/google/iam/v1/policy_pb.ts';
import { snakeCase } from '../../rpc/index.ts';

/** google.iam.v1.Policy, whose etag is bytes. */
export function policyToMessage({ version, etag, bindings }: IamPolicy): Policy {
  return create(PolicySchema, {
    // An empty policy has no version (IAM's GetIamPolicy of a resource without one).
    version: bindings.length === 0 ? 0 : version,
    etag: Buffer.from(etag, 'base64'),
    bindings: bindings.map(({ role, members, condition }) => ({
      role,
      members: [...members],
      ...(condition && { condition: { ...condition } }),
    })),
  });
}

/** @throws RpcError INVALID_ARGUMENT without a policy, UNIMPLEMENTED for what would be forgotten */
export function newPolicy({ policy, updateMask }: SetIamPolicyRequest): NewIamPolicy {
  if (policy === undefined) {
    throw argumentError('policy', 'Request field policy must be specified.');
  }
  // Bindings are what a policy is made of here: a mask without them would change nothing.
  if (updateMask !== undefined && !updateMask.paths.map(snakeCase).includes('bindings')) {
    throw unimplementedError('An IAM update mask without bindings');
  }
  if (policy.auditConfigs.length > 0) throw unimplementedError('The field audit_configs of Policy');
  return {
    version: policy.version,
    bindings: policy.bindings.map(({ role, members, condition }) => ({
      role,
      members,
      ...(condition && { condition: conditionOf(condition) }),
    })),
    ...(policy.etag.length > 0 && { etag: Buffer.from(policy.etag).toString('base64') }),
  };
}

type Condition = NonNullable<NewIamPolicy['bindings'][number]['condition']>;

function conditionOf({ expression, title, description, location }: Required<Condition>): Condition {
  return {
    expression,
    ...(title !== '' && { title }),
    ...(description !== '' && { description }),
    ...(location !== '' && { location }),
  };
}
