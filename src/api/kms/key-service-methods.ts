import type { Authorizer } from '../../iam/index.ts';
import type { KeyAdministration } from '../../kms/index.ts';
import { iamMethods } from '../iam/iam-methods.ts';
import type { ApiMethod } from '../method.ts';
import { deletionMethods } from './deletion-methods.ts';
import { encryptionMethods } from './encryption-methods.ts';
import { keyMethods } from './key-methods.ts';
import { locationMethods, type KeyLocations } from './location-methods.ts';
import { macMethods } from './mac-methods.ts';
import { versionMethods } from './version-methods.ts';

/**
 * google.cloud.kms.v1.KeyManagementService, with the services that every Google API has beside its
 * own: policies, operations and locations. Asymmetric keys and imports answer UNIMPLEMENTED.
 */
export function keyServiceMethods(
  keys: KeyAdministration,
  locations: KeyLocations,
  authorizer: Pick<Authorizer, 'isGranted'>,
): ApiMethod[] {
  return [
    ...keyMethods(keys),
    ...versionMethods(keys),
    ...encryptionMethods(keys),
    ...macMethods(keys),
    ...deletionMethods(keys),
    ...locationMethods(locations),
    ...iamMethods(keys, authorizer),
  ];
}
