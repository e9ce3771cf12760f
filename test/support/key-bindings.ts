import { encodeName, type Binding } from './rpc-bindings.ts';
import type { Json } from './wire.ts';

export type KeyRpc =
  | 'CreateKeyRing'
  | 'GetKeyRing'
  | 'ListKeyRings'
  | 'CreateCryptoKey'
  | 'GetCryptoKey'
  | 'ListCryptoKeys'
  | 'UpdateCryptoKey'
  | 'UpdateCryptoKeyPrimaryVersion'
  | 'DeleteCryptoKey'
  | 'CreateCryptoKeyVersion'
  | 'GetCryptoKeyVersion'
  | 'ListCryptoKeyVersions'
  | 'UpdateCryptoKeyVersion'
  | 'DestroyCryptoKeyVersion'
  | 'RestoreCryptoKeyVersion'
  | 'DeleteCryptoKeyVersion'
  | 'GetRetiredResource'
  | 'ListRetiredResources'
  | 'CreateImportJob'
  | 'Encrypt'
  | 'Decrypt'
  | 'RawEncrypt'
  | 'RawDecrypt'
  | 'MacSign'
  | 'MacVerify'
  | 'AsymmetricSign'
  | 'GenerateRandomBytes'
  | 'GetIamPolicy'
  | 'SetIamPolicy'
  | 'TestIamPermissions'
  | 'GetOperation'
  | 'ListLocations'
  | 'GetLocation'
  | 'ListLogEntries'
  | 'ListLogs';

type Bind = (request: Json) => Binding;

function query(fields: Json): string {
  const pairs = Object.entries(fields).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`;
}

const get =
  (field = 'name'): Bind =>
  ({ [field]: name, ...rest }) => ({ method: 'GET', path: `${encodeName(name)}${query(rest)}` });

const remove: Bind = ({ name }) => ({ method: 'DELETE', path: encodeName(name) });

const list =
  (collection: string, field = 'parent'): Bind =>
  ({ [field]: parent, ...rest }) => ({
    method: 'GET',
    path: `${encodeName(parent)}/${collection}${query(rest)}`,
  });

const create =
  (collection: string, resource: string): Bind =>
  ({ parent, [resource]: body, ...rest }) => ({
    method: 'POST',
    path: `${encodeName(parent)}/${collection}${query(rest)}`,
    body: body ?? {},
  });

const update =
  (resource: string): Bind =>
  ({ [resource]: body, ...rest }) => ({
    method: 'PATCH',
    path: `${encodeName((body as Json | undefined)?.['name'])}${query(rest)}`,
    body,
  });

const custom =
  (verb: string, field = 'name'): Bind =>
  ({ [field]: name, ...body }) => ({ method: 'POST', path: `${encodeName(name)}:${verb}`, body });

/** IAM of KMS's own resources reads by GET, Resource Manager's by POST. */
const readPolicy: Bind = ({ resource, options }) => {
  const path = `${encodeName(resource)}:getIamPolicy`;
  if (/^projects\/[^/]*$/.test(String(resource)))
    return { method: 'POST', path, body: { options } };
  const version = (options as Json | undefined)?.['requestedPolicyVersion'];
  const asked = version === undefined ? {} : { 'options.requestedPolicyVersion': version };
  return { method: 'GET', path: `${path}${query(asked)}` };
};

/** Paths below `/v1/`, as cloud.google.com/kms/docs/reference/rest lists them; of logging, `/v2/`. */
export const keyBindings: Readonly<Record<KeyRpc, Bind>> = {
  CreateKeyRing: create('keyRings', 'keyRing'),
  GetKeyRing: get(),
  ListKeyRings: list('keyRings'),
  CreateCryptoKey: create('cryptoKeys', 'cryptoKey'),
  GetCryptoKey: get(),
  ListCryptoKeys: list('cryptoKeys'),
  UpdateCryptoKey: update('cryptoKey'),
  UpdateCryptoKeyPrimaryVersion: custom('updatePrimaryVersion'),
  DeleteCryptoKey: remove,
  CreateCryptoKeyVersion: create('cryptoKeyVersions', 'cryptoKeyVersion'),
  GetCryptoKeyVersion: get(),
  ListCryptoKeyVersions: list('cryptoKeyVersions'),
  UpdateCryptoKeyVersion: update('cryptoKeyVersion'),
  DestroyCryptoKeyVersion: custom('destroy'),
  RestoreCryptoKeyVersion: custom('restore'),
  DeleteCryptoKeyVersion: remove,
  GetRetiredResource: get(),
  ListRetiredResources: list('retiredResources'),
  CreateImportJob: create('importJobs', 'importJob'),
  Encrypt: custom('encrypt'),
  Decrypt: custom('decrypt'),
  RawEncrypt: custom('rawEncrypt'),
  RawDecrypt: custom('rawDecrypt'),
  MacSign: custom('macSign'),
  MacVerify: custom('macVerify'),
  AsymmetricSign: custom('asymmetricSign'),
  GenerateRandomBytes: custom('generateRandomBytes', 'location'),
  GetIamPolicy: readPolicy,
  SetIamPolicy: custom('setIamPolicy', 'resource'),
  TestIamPermissions: custom('testIamPermissions', 'resource'),
  GetOperation: get(),
  ListLocations: list('locations', 'name'),
  GetLocation: get(),
  ListLogEntries: (body) => ({ method: 'POST', path: '../v2/entries:list', body }),
  ListLogs: ({ parent, ...rest }) => ({
    method: 'GET',
    path: `../v2/${encodeName(parent)}/logs${query(rest)}`,
  }),
};
