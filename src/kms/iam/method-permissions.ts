const keyVersions = 'cloudkms.cryptoKeyVersions';
const cryptoKeys = 'cloudkms.cryptoKeys';
const keyRings = 'cloudkms.keyRings';

/** By the RPC's short name, as audit logs have it (cloud.google.com/kms/docs/audit-logging). */
const permissions: ReadonlyMap<string, string> = new Map([
  ['CreateKeyRing', `${keyRings}.create`],
  ['GetKeyRing', `${keyRings}.get`],
  ['ListKeyRings', `${keyRings}.list`],
  ['CreateCryptoKey', `${cryptoKeys}.create`],
  ['GetCryptoKey', `${cryptoKeys}.get`],
  ['ListCryptoKeys', `${cryptoKeys}.list`],
  ['UpdateCryptoKey', `${cryptoKeys}.update`],
  ['UpdateCryptoKeyPrimaryVersion', `${cryptoKeys}.update`],
  ['DeleteCryptoKey', `${cryptoKeys}.delete`],
  ['CreateCryptoKeyVersion', `${keyVersions}.create`],
  ['GetCryptoKeyVersion', `${keyVersions}.get`],
  ['ListCryptoKeyVersions', `${keyVersions}.list`],
  ['UpdateCryptoKeyVersion', `${keyVersions}.update`],
  ['DestroyCryptoKeyVersion', `${keyVersions}.destroy`],
  ['RestoreCryptoKeyVersion', `${keyVersions}.restore`],
  ['DeleteCryptoKeyVersion', `${keyVersions}.delete`],
  ['GetPublicKey', `${keyVersions}.viewPublicKey`],
  ['Encrypt', `${keyVersions}.useToEncrypt`],
  ['Decrypt', `${keyVersions}.useToDecrypt`],
  ['RawEncrypt', `${keyVersions}.useToEncrypt`],
  ['RawDecrypt', `${keyVersions}.useToDecrypt`],
  ['MacSign', `${keyVersions}.useToSign`],
  ['MacVerify', `${keyVersions}.useToVerify`],
  ['GenerateRandomBytes', 'cloudkms.locations.generateRandomBytes'],
  ['GetRetiredResource', 'cloudkms.retiredResources.get'],
  ['ListRetiredResources', 'cloudkms.retiredResources.list'],
  ['GetOperation', 'cloudkms.operations.get'],
  ['GetLocation', 'cloudkms.locations.get'],
  ['ListLocations', 'cloudkms.locations.list'],
  ['GetProject', 'resourcemanager.projects.get'],
]);

const policyVerbs: ReadonlyMap<string, string> = new Map([
  ['GetIamPolicy', 'getIamPolicy'],
  ['SetIamPolicy', 'setIamPolicy'],
]);

/**
 * The permission that a method asks for, for an audit entry's authorizationInfo; null for one that
 * asks for none, as TestIamPermissions. GetIamPolicy and SetIamPolicy depend on what `resource` is.
 */
export function permissionOf(method: string, resource: string = ''): string | null {
  const verb = policyVerbs.get(method);
  if (verb === undefined) return permissions.get(method) ?? null;
  if (!resource.includes('/keyRings/')) return `resourcemanager.projects.${verb}`;
  return `${resource.includes('/cryptoKeys/') ? cryptoKeys : keyRings}.${verb}`;
}
