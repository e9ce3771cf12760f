/**
 * Cloud KMS's predefined roles and the permissions of this API in each, and those basic and job
 * roles that hold some (cloud.google.com/iam/docs/roles-permissions/cloudkms). Any other role, a
 * custom one too, is stored and grants nothing.
 */
const keyVersions = (...verbs: string[]): string[] =>
  verbs.map((verb) => `cloudkms.cryptoKeyVersions.${verb}`);
const cryptoKeys = (...verbs: string[]): string[] =>
  verbs.map((verb) => `cloudkms.cryptoKeys.${verb}`);
const keyRings = (...verbs: string[]): string[] => verbs.map((verb) => `cloudkms.keyRings.${verb}`);
const locations = (...verbs: string[]): string[] =>
  verbs.map((verb) => `cloudkms.locations.${verb}`);

const encrypt = keyVersions('useToEncrypt');
const decrypt = keyVersions('useToDecrypt');
const sign = keyVersions('useToSign');
const verify = keyVersions('useToVerify', 'viewPublicKey');
const operations = ['cloudkms.operations.get'];
const retired = ['cloudkms.retiredResources.get', 'cloudkms.retiredResources.list'];

const viewed = [
  ...keyVersions('get', 'list'),
  ...cryptoKeys('get', 'list'),
  ...keyRings('get', 'list'),
  ...locations('get', 'list'),
  ...operations,
  ...retired,
];
const policiesRead = [...cryptoKeys('getIamPolicy'), ...keyRings('getIamPolicy')];
const policiesSet = [...cryptoKeys('setIamPolicy'), ...keyRings('setIamPolicy')];
const edited = [
  ...keyVersions('create', 'delete', 'update'),
  ...cryptoKeys('create', 'delete', 'update'),
  ...keyRings('create'),
];
const destroyed = keyVersions('destroy', 'restore');
const administered = [...viewed, ...policiesRead, ...policiesSet, ...edited, ...destroyed];
const operated = [
  ...new Set([...encrypt, ...decrypt, ...sign, ...verify, ...keyVersions('useToDecapsulate')]),
  ...locations('generateRandomBytes'),
];

const tables: Readonly<Record<string, readonly string[]>> = {
  'roles/cloudkms.admin': administered,
  'roles/cloudkms.viewer': viewed,
  'roles/cloudkms.cryptoKeyEncrypterDecrypter': [...encrypt, ...decrypt],
  'roles/cloudkms.cryptoKeyEncrypter': encrypt,
  'roles/cloudkms.cryptoKeyDecrypter': decrypt,
  'roles/cloudkms.cryptoOperator': operated,
  'roles/cloudkms.signer': sign,
  'roles/cloudkms.verifier': verify,
  'roles/cloudkms.signerVerifier': [...sign, ...verify],
  'roles/cloudkms.publicKeyViewer': keyVersions('viewPublicKey'),
  'roles/owner': [...administered, ...operated],
  'roles/editor': [...viewed, ...policiesRead, ...edited],
  'roles/viewer': [...viewed, ...policiesRead],
  'roles/iam.securityAdmin': [
    ...policiesRead,
    ...policiesSet,
    ...keyVersions('list'),
    ...cryptoKeys('list'),
    ...keyRings('list'),
  ],
  'roles/iam.securityReviewer': [
    ...policiesRead,
    ...keyVersions('list'),
    ...cryptoKeys('list'),
    ...keyRings('list'),
  ],
  'roles/iam.dataScientist': [...encrypt, ...decrypt],
  'roles/iam.devOps': [...encrypt, ...decrypt],
};

const roles: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(tables).map(([role, permissions]) => [role, new Set(permissions)]),
);

/** The role that a service agent needs on a key: Encrypt and Decrypt. */
export const encrypterDecrypterRole = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';

/** Whether the permissions of `role` are known here; if not, it grants nothing. */
export function isKnownRole(role: string): boolean {
  return roles.has(role);
}

export function roleGrants(role: string, permission: string): boolean {
  return roles.get(role)?.has(permission) ?? false;
}
