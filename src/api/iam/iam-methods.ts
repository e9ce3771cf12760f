import { create } from '@bufbuild/protobuf';

import type { KeyAdministration } from '../../kms/index.ts';
import {
  IAMPolicy,
  TestIamPermissionsResponseSchema,
} from '../../proto/google/iam/v1/iam_policy_pb.ts';
import { keyCaller } from '../kms/key-caller.ts';
import { method, rpcName, type ApiMethod } from '../method.ts';
import { unsupportedMethod } from '../unsupported.ts';
import { newPolicy, policyToMessage } from './policy-messages.ts';

/** google.iam.v1.IAMPolicy, which the services on this port share: who answers is in the name. */
export function iamMethods(keys: KeyAdministration): ApiMethod[] {
  const { getIamPolicy, setIamPolicy, testIamPermissions } = IAMPolicy.method;
  return [
    method(getIamPolicy, async ({ resource, options }, call) => {
      requireKeyService(resource, rpcName(getIamPolicy));
      const version = options?.requestedPolicyVersion;
      return policyToMessage(await keys.getIamPolicy(resource, keyCaller(call), version));
    }),
    method(setIamPolicy, async (request, call) => {
      const { resource } = request;
      requireKeyService(resource, rpcName(setIamPolicy));
      return policyToMessage(
        await keys.setIamPolicy(resource, newPolicy(request), keyCaller(call)),
      );
    }),
    method(testIamPermissions, async ({ resource, permissions: asked }, call) => {
      requireKeyService(resource, rpcName(testIamPermissions));
      const permissions = await keys.testIamPermissions(resource, asked, keyCaller(call));
      return create(TestIamPermissionsResponseSchema, { permissions: [...permissions] });
    }),
  ];
}

/** Resources that have no policy of their own here. */
const others =
  /^projects\/[^/]*\/(?:topics|subscriptions|snapshots|schemas)\/|\/(?:importJobs\/[^/]*|ekmConfig|ekmConnections\/[^/]*)$/;

/** @throws RpcError UNIMPLEMENTED, by the method's name */
function requireKeyService(resource: string, rpc: string): void {
  if (others.test(resource)) throw unsupportedMethod(rpc);
}
