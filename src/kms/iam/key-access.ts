import { permissionError } from '../kms-error.ts';
import type { KeyCaller } from '../key-service.ts';
import type { KmsContext } from '../kms-context.ts';
import type { KmsName } from '../names.ts';
import { type PolicyRecord, policyTable } from '../rows/records.ts';
import { reservedKeyName, reservedProject } from '../reserved-project.ts';

export type KeyUse = 'useToEncrypt' | 'useToDecrypt';

/**
 * The member that calls through the API. Nobody is authenticated there yet, so it may use every key
 * but the service's own.
 */
export const operatorMember = 'operator:';

/** The service on its own behalf: the one member that may use its own key, and no other key. */
export const serviceMember = 'service:';

const rolesFor: Readonly<Record<KeyUse, readonly string[]>> = {
  useToEncrypt: ['roles/cloudkms.cryptoKeyEncrypterDecrypter', 'roles/cloudkms.cryptoKeyEncrypter'],
  useToDecrypt: ['roles/cloudkms.cryptoKeyEncrypterDecrypter', 'roles/cloudkms.cryptoKeyDecrypter'],
};

/**
 * Lets `caller` pass if a binding on the key or on its ring grants the use. The service's own key
 * needs no binding, and serves only the service: a topic that names it is another's service agent.
 *
 * @throws RpcError PERMISSION_DENIED, whether the key exists or not
 */
export async function requireKeyUse(
  context: KmsContext,
  name: KmsName & { readonly cryptoKey: string },
  use: KeyUse,
  caller: KeyCaller,
): Promise<void> {
  if (await mayUse(context, name, use, caller.member)) return;
  throw permissionError(`cloudkms.cryptoKeyVersions.${use}`, name.cryptoKey);
}

async function mayUse(
  { rows }: KmsContext,
  name: KmsName & { readonly cryptoKey: string },
  use: KeyUse,
  member: string,
): Promise<boolean> {
  const isService = member === serviceMember;
  if (name.project === reservedProject) return isService && name.cryptoKey === reservedKeyName;
  if (isService) return false;
  if (member === operatorMember) return true;
  for (const resource of [name.cryptoKey, name.keyRing]) {
    const policy = await rows.get(policyTable, resource);
    if (policy && grants(policy.record, rolesFor[use], member)) return true;
  }
  return false;
}

/** Members are compared as IAM does, without regard to case. */
function grants(policy: PolicyRecord, roles: readonly string[], member: string): boolean {
  const wanted = [member.toLowerCase(), 'allauthenticatedusers', 'allusers'];
  return policy.bindings.some(
    ({ role, members }) =>
      roles.includes(role) && members.some((one) => wanted.includes(one.toLowerCase())),
  );
}
