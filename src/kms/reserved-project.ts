import { RpcError } from '../rpc/index.ts';
import { permissionError } from './kms-error.ts';

/** The project that holds the service's own key. No API reaches into it. */
export const reservedProject = 'sealpost-internal';

export const reservedKeyRing: string = `projects/${reservedProject}/locations/global/keyRings/sealpost`;

/** The key of resources that name none. */
export const reservedKeyName: string = `${reservedKeyRing}/cryptoKeys/default`;

/**
 * Everything about the service's own key is denied, as if another tenant's: disabled by accident,
 * it would stop every topic that has no key of its own.
 *
 * @throws RpcError PERMISSION_DENIED
 */
export function refuseReserved(project: string, permission: string, resource: string): void {
  if (project === reservedProject) throw permissionError(permission, resource);
}

/** What who names the project itself is told: PERMISSION_DENIED, whether it exists or not. */
export function reservedProjectError(): RpcError {
  return new RpcError(
    'PERMISSION_DENIED',
    'PROJECT_RESERVED',
    `The caller does not have permission to project ${reservedProject} (or it may not exist).`,
  );
}
