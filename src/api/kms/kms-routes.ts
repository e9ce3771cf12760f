import { argumentError, type EmbeddedKeyService, unimplementedError } from '../../kms/index.ts';
import type { JsonValue } from '../json.ts';
import { decrypt, encrypt } from './cipher-methods.ts';
import { JsonFields } from './json-fields.ts';
import { QueryFields, requireNoQuery } from './query-fields.ts';
import {
  cryptoKeyVersionFields,
  newCryptoKey,
  newLabels,
  newPolicy,
  newVersionState,
  pageRequest,
} from './resource-requests.ts';
import { cryptoKeyView, keyRingView, pageView, policyView, versionView } from './resource-views.ts';
import type { HttpMethod, RestCall, Route } from '../route.ts';
import { unbuiltKmsMethods } from './unbuilt-methods.ts';

const keyManagement = 'google.cloud.kms.v1.KeyManagementService';
const iamPolicy = 'google.iam.v1.IAMPolicy';

const location = 'projects/*/locations/*';
const keyRing = `${location}/keyRings/*`;
const cryptoKey = `${keyRing}/cryptoKeys/*`;
const version = `${cryptoKey}/cryptoKeyVersions/*`;

/** Cloud KMS v1 over REST: the paths of google/cloud/kms/v1/service.proto. */
export function kmsRoutes(service: EmbeddedKeyService): Route[] {
  return [
    ...keyRingRoutes(service),
    ...cryptoKeyRoutes(service),
    ...versionRoutes(service),
    ...[keyRing, cryptoKey].flatMap((resource) => policyRoutes(service, resource)),
    ...unbuiltKmsMethods.map(({ rpc, method, template }) => ({
      rpc,
      method,
      template,
      handle: () => {
        throw unimplementedError(rpc);
      },
    })),
  ];
}

function keyRingRoutes({ keyRings }: EmbeddedKeyService): Route[] {
  return [
    kms('CreateKeyRing', 'POST', `/v1/{parent=${location}}/keyRings`, async (call) => {
      const query = new QueryFields(call.query, ['keyRingId']);
      const body = new JsonFields(call.json(), ['name', 'createTime'], 'key_ring');
      body.text('name');
      return keyRingView(await keyRings.create(call.params['parent']!, query.text('keyRingId')));
    }),
    kms('GetKeyRing', 'GET', `/v1/{name=${keyRing}}`, async (call) => {
      requireNoQuery(call);
      return keyRingView(await keyRings.get(call.params['name']!));
    }),
    kms('ListKeyRings', 'GET', `/v1/{parent=${location}}/keyRings`, async (call) => {
      const page = await keyRings.list(call.params['parent']!, pageRequest(call));
      return pageView('keyRings', page, keyRingView);
    }),
  ];
}

function cryptoKeyRoutes(service: EmbeddedKeyService): Route[] {
  const { cryptoKeys } = service;
  return [
    kms('CreateCryptoKey', 'POST', `/v1/{parent=${keyRing}}/cryptoKeys`, async (call) =>
      cryptoKeyView(await cryptoKeys.create(newCryptoKey(call))),
    ),
    kms('GetCryptoKey', 'GET', `/v1/{name=${cryptoKey}}`, async (call) => {
      requireNoQuery(call);
      return cryptoKeyView(await cryptoKeys.get(call.params['name']!));
    }),
    kms('ListCryptoKeys', 'GET', `/v1/{parent=${keyRing}}/cryptoKeys`, async (call) => {
      const page = await cryptoKeys.list(call.params['parent']!, pageRequest(call, 'versionView'));
      return pageView('cryptoKeys', page, cryptoKeyView);
    }),
    kms('UpdateCryptoKey', 'PATCH', `/v1/{crypto_key.name=${cryptoKey}}`, async (call) => {
      const labels = newLabels(call);
      return cryptoKeyView(await cryptoKeys.updateLabels(call.params['crypto_key.name']!, labels));
    }),
    kms(
      'UpdateCryptoKeyPrimaryVersion',
      'POST',
      `/v1/{name=${cryptoKey}}:updatePrimaryVersion`,
      async (call) => {
        const number = primaryVersion(call);
        return cryptoKeyView(await cryptoKeys.updatePrimaryVersion(call.params['name']!, number));
      },
    ),
    kms('Encrypt', 'POST', `/v1/{name=${keyRing}/cryptoKeys/**}:encrypt`, (call) =>
      encrypt(service, call),
    ),
    kms('Decrypt', 'POST', `/v1/{name=${cryptoKey}}:decrypt`, (call) => decrypt(service, call)),
  ];
}

function versionRoutes({ versions }: EmbeddedKeyService): Route[] {
  const parent = `/v1/{parent=${cryptoKey}}/cryptoKeyVersions`;
  return [
    kms('CreateCryptoKeyVersion', 'POST', parent, async (call) => {
      requireNoQuery(call);
      const body = new JsonFields(call.json(), cryptoKeyVersionFields, 'crypto_key_version');
      if (body.has('externalProtectionLevelOptions')) {
        throw unimplementedError('The field externalProtectionLevelOptions of CryptoKeyVersion');
      }
      return versionView(await versions.create(call.params['parent']!));
    }),
    kms('GetCryptoKeyVersion', 'GET', `/v1/{name=${version}}`, async (call) => {
      requireNoQuery(call);
      return versionView(await versions.get(call.params['name']!));
    }),
    kms('ListCryptoKeyVersions', 'GET', parent, async (call) => {
      const page = await versions.list(call.params['parent']!, pageRequest(call, 'view'));
      return pageView('cryptoKeyVersions', page, versionView);
    }),
    kms(
      'UpdateCryptoKeyVersion',
      'PATCH',
      `/v1/{crypto_key_version.name=${version}}`,
      async (call) => {
        const state = newVersionState(call);
        return versionView(
          await versions.updateState(call.params['crypto_key_version.name']!, state),
        );
      },
    ),
  ];
}

function policyRoutes({ policies }: EmbeddedKeyService, resource: string): Route[] {
  const path = `/v1/{resource=${resource}}`;
  return [
    route(`${iamPolicy}.GetIamPolicy`, 'GET', `${path}:getIamPolicy`, async (call) => {
      const query = new QueryFields(call.query, ['options.requestedPolicyVersion']);
      const version = query.integer('options.requestedPolicyVersion');
      return policyView(await policies.get(call.params['resource']!, version));
    }),
    route(`${iamPolicy}.SetIamPolicy`, 'POST', `${path}:setIamPolicy`, async (call) =>
      policyView(await policies.set(call.params['resource']!, newPolicy(call))),
    ),
    route(`${iamPolicy}.TestIamPermissions`, 'POST', `${path}:testIamPermissions`, async (call) => {
      requireNoQuery(call);
      const asked = new JsonFields(call.json(), ['permissions']).texts('permissions');
      const permissions = await policies.test(call.params['resource']!, asked);
      return permissions.length > 0 ? { permissions: [...permissions] } : {};
    }),
  ];
}

function primaryVersion(call: RestCall): number {
  requireNoQuery(call);
  const id = new JsonFields(call.json(), ['cryptoKeyVersionId']).text('cryptoKeyVersionId') ?? '';
  if (/^[1-9][0-9]{0,8}$/.test(id)) return Number(id);
  const message = 'Request field crypto_key_version_id must be the number of a version.';
  throw argumentError('crypto_key_version_id', message);
}

type Handle = (call: RestCall) => Promise<JsonValue>;

function kms(method: string, http: HttpMethod, template: string, handle: Handle): Route {
  return route(`${keyManagement}.${method}`, http, template, handle);
}

function route(rpc: string, method: HttpMethod, template: string, handle: Handle): Route {
  return { rpc, method, template, handle };
}
