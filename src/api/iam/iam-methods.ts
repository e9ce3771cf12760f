import { create } from '@bufbuild/protobuf';

import type { Authorizer } from '../../iam/index.ts';
import type { KeyAdministration } from '../../kms/index.ts';
import {
  IAMPolicy,
  TestIamPermissionsResponseSchema,
} from '../../proto/google/iam/v1/iam_policy_pb.ts';
import { RpcError } from '../../rpc/index.ts';
import { keyCaller } from '../kms/key-caller.ts';
import { method, rpcName, type ApiMethod } from '../method.ts';
import { unsupportedMethod } from '../unsupported.ts';
import { newPolicy, policyToMessage } from './policy-messages.ts';

type PolicyKeeper = Pick<KeyAdministration, 'getIamPolicy' | 'setIamPolicy' | 'testIamPermissions'>;

/**
 * google.iam.v1.IAMPolicy, which the services on this port share. Policies of all resources are kept
 * by the key service, but for those of Run's; what a principal has is decided by `authorizer`.
 */
export function iamMethods(
  policies: PolicyKeeper,
  authorizer: Pick<Authorizer, 'isGranted'>,
): ApiMethod[] {
  const { getIamPolicy, setIamPolicy, testIamPermissions } = IAMPolicy.method;
  return [
    method(getIamPolicy, async ({ resource, options }, call) => {
      requireBuilt(resource, rpcName(getIamPolicy));
      const version = options?.requestedPolicyVersion;
      return policyToMessage(await policies.getIamPolicy(resource, keyCaller(call), version));
    }),
    method(setIamPolicy, async (request, call) => {
      const { resource } = request;
      requireBuilt(resource, rpcName(setIamPolicy));
      return policyToMessage(
        await policies.setIamPolicy(resource, newPolicy(request), keyCaller(call)),
      );
    }),
    method(testIamPermissions, async ({ resource, permissions: asked }, call) => {
      requireBuilt(resource, rpcName(testIamPermissions));
      const all = await policies
        .testIamPermissions(resource, asked, keyCaller(call))
        .catch(noneOfMissing);
      const permissions = all.filter((permission) =>
        authorizer.isGranted(call.principal, permission, resource),
      );
      return create(TestIamPermissionsResponseSchema, { permissions });
    }),
  ];
}

/** Of a project's number that was never given out as of one that was: anyone may ask. */
function noneOfMissing(error: unknown): readonly string[] {
  if (error instanceof RpcError && error.code === 'NOT_FOUND') return [];
  throw error;
}

/** Resources of Cloud KMS that are not built. */
const unbuilt = /\/(?:importJobs\/[^/]*|ekmConfig|ekmConnections\/[^/]*)$/;

/** @throws RpcError UNIMPLEMENTED, by the method's name */
function requireBuilt(resource: string, rpc: string): void {
  if (unbuilt.test(resource)) throw unsupportedMethod(rpc);
}
