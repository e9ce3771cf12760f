import { permissionError } from '../kms-error.ts';
import type { KeyCaller } from '../key-service.ts';
import type { KmsContext } from '../kms-context.ts';
import type { KmsName } from '../names.ts';
import { reservedKeyName, reservedProject } from '../reserved-project.ts';
import { isGranted, targetOf } from './grants.ts';

export type KeyUse = 'useToEncrypt' | 'useToDecrypt' | 'useToSign' | 'useToVerify';

/**
 * The member that calls through the API. Nobody is authenticated there yet, so it may use every key
 * but the service's own.
 */
export const operatorMember = 'operator:';

/** The service on its own behalf: the one member that may use its own key, and no other key. */
export const serviceMember = 'service:';

/** `cloudkms.cryptoKeyVersions.useToEncrypt`, say. */
export function usePermission(use: KeyUse): string {
  return `cloudkms.cryptoKeyVersions.${use}`;
}

/**
 * Lets `caller` pass if a binding on the key, its ring or its project grants the use. The service's
 * own key needs no binding, and serves only the service: a topic that names it is another's.
 *
 * @throws RpcError PERMISSION_DENIED, whether the key exists or not
 */
export async function requireKeyUse(
  context: KmsContext,
  name: KmsName & { readonly cryptoKey: string },
  use: KeyUse,
  caller: KeyCaller,
): Promise<void> {
  if (await mayUseKey(context, name, use, caller.member)) return;
  throw permissionError(usePermission(use), name.cryptoKey);
}

/** As requireKeyUse, as an answer. */
export async function mayUseKey(
  context: KmsContext,
  name: KmsName & { readonly cryptoKey: string },
  use: KeyUse,
  member: string,
): Promise<boolean> {
  const isService = member === serviceMember;
  if (name.project === reservedProject) return isService && name.cryptoKey === reservedKeyName;
  if (isService) return false;
  if (member === operatorMember) return true;
  return await isGranted(context, await targetOf(context, name), usePermission(use), member);
}
