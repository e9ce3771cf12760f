import { operator } from '../../iam/index.ts';
import { describe, expect, test } from 'vitest';
import { keyName, openKmsBench, ringName, versionOne } from '../../../test/support/embedded-kms.ts';
import type { EmbeddedKeyService } from '../../kms/index.ts';
import { parseJsonObject } from '../json/json-body.ts';
import { methodRoutes } from '../http/method-routes.ts';
import { RouteTable } from '../http/route-table.ts';
import type { JsonValue } from '../json.ts';
import type { HttpMethod } from '../route.ts';
import { keyServiceMethods } from './key-service-methods.ts';
import { projectRoutes } from './project-routes.ts';
import { unbuiltKmsRoutes } from './unbuilt-services.ts';

type Ask = (method: HttpMethod, url: string, body?: JsonValue) => Promise<JsonValue>;

/** Calls the routes as the HTTP server does: matched by path, query and body as they came. */
function client(service: EmbeddedKeyService): Ask {
  const locations = { listed: ['global'], hasHsm: false, hasExternal: true };
  const methods = keyServiceMethods(service, locations, {
    isGranted: () => true,
  });
  const services = [...new Set(methods.map(({ desc }) => desc.parent))];
  const table = new RouteTable([
    ...methodRoutes(services, methods, new Map()),
    ...projectRoutes(service),
    ...unbuiltKmsRoutes(),
  ]);
  return async (method, url, json) => {
    const [path, query] = url.split('?');
    const match = table.match(method, path!)!;
    expect(match, `${method} ${url} has a route`).toBeDefined();
    const body = new TextEncoder().encode(json === undefined ? '' : JSON.stringify(json));
    return (await match.route.handle({
      params: match.params,
      query: new URLSearchParams(query),
      body,
      json: () => parseJsonObject(body),
      host: undefined,
      isCrossOrigin: false,
      principal: operator,
      forceDestroy: false,
      signal: new AbortController().signal,
    })) as JsonValue;
  };
}

async function open(): Promise<{ ask: Ask; service: EmbeddedKeyService }> {
  const { service } = await openKmsBench();
  return { ask: client(service), service };
}

const at = '2026-01-01T00:00:00Z';
const version = {
  name: versionOne,
  state: 'ENABLED',
  createTime: at,
  protectionLevel: 'SOFTWARE',
  algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION',
  generateTime: at,
};
const key = {
  name: keyName,
  primary: version,
  purpose: 'ENCRYPT_DECRYPT',
  createTime: at,
  versionTemplate: { protectionLevel: 'SOFTWARE', algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION' },
  destroyScheduledDuration: '2592000s',
};
const locationPath = '/v1/projects/p/locations/global';
const keysPath = `/v1/${ringName}/cryptoKeys?cryptoKeyId=a`;
const purpose = 'ENCRYPT_DECRYPT';

describe('what gcloud sends', () => {
  test.for(['True', 'true', 'TRUE', '1', 'yes', 'False', 'false', 'FALSE', '0', 'no'])(
    'takes the boolean %s of a query',
    async (text) => {
      const { ask } = await open();
      const path = `/v1/${ringName}/cryptoKeys?cryptoKeyId=a&skip_initial_version_creation=${text}`;
      const made = await ask('POST', path, { purpose: 'ENCRYPT_DECRYPT' });
      expect(Object.hasOwn(made as object, 'primary')).toBe(/^(f|n|0)/i.test(text));
    },
  );

  test('takes no other word as a boolean', async () => {
    const { ask } = await open();
    const path = `/v1/${ringName}/cryptoKeys?cryptoKeyId=a`;
    await expect(ask('POST', `${path}&skipInitialVersionCreation=maybe`, {})).rejects.toThrow(
      'Invalid value at \'skip_initial_version_creation\' (TYPE_BOOL), "maybe"',
    );
  });

  test('creates, describes and lists key rings', async () => {
    const { ask } = await open();
    const ring = { name: `projects/p/locations/global/keyRings/r2`, createTime: at };
    expect(await ask('POST', `${locationPath}/keyRings?alt=json&keyRingId=r2`, {})).toEqual(ring);
    expect(await ask('GET', `/v1/${ring.name}?alt=json`)).toEqual(ring);
    expect(await ask('GET', `${locationPath}/keyRings?alt=json&pageSize=100`)).toEqual({
      keyRings: [{ name: ringName, createTime: at }, ring],
    });
    const page = await ask('GET', `${locationPath}/keyRings?pageSize=1`);
    expect(page).toEqual({
      keyRings: [{ name: ringName, createTime: at }],
      nextPageToken: expect.any(String),
    });
    const { nextPageToken } = page as { nextPageToken: string };
    expect(await ask('GET', `${locationPath}/keyRings?pageToken=${nextPageToken}`)).toEqual({
      keyRings: [ring],
    });
    expect(await ask('GET', '/v1/projects/other/locations/global/keyRings')).toEqual({});
  });

  test('creates, describes, lists and labels keys', async () => {
    const { ask } = await open();
    const created = await ask('POST', `/v1/${ringName}/cryptoKeys?alt=json&cryptoKeyId=a`, {
      labels: { a: 'b' },
      purpose: 'ENCRYPT_DECRYPT',
      versionTemplate: { algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION', protectionLevel: 'SOFTWARE' },
    });
    const name = `${ringName}/cryptoKeys/a`;
    const primary = { ...version, name: `${name}/cryptoKeyVersions/1` };
    expect(created).toEqual({ ...key, name, primary, labels: { a: 'b' } });
    expect(await ask('GET', `/v1/${ringName}/cryptoKeys?alt=json&pageSize=100`)).toEqual({
      cryptoKeys: [created, key],
    });
    expect(
      await ask('PATCH', `/v1/${name}?alt=json&updateMask=labels`, { labels: { x: 'y' } }),
    ).toMatchObject({ labels: { x: 'y' } });
    expect(
      await ask(
        'POST',
        `/v1/${ringName}/cryptoKeys?crypto_key_id=bare&skipInitialVersionCreation=true`,
        {
          purpose: 'ENCRYPT_DECRYPT',
          destroy_scheduled_duration: '86400s',
        },
      ),
    ).toEqual({
      ...key,
      name: `${ringName}/cryptoKeys/bare`,
      primary: undefined,
      destroyScheduledDuration: '86400s',
    });
  });

  test('disables, enables, adds and promotes versions', async () => {
    const { ask } = await open();
    const path = `/v1/${versionOne}?alt=json&updateMask=state`;
    expect(await ask('PATCH', path, { state: 'DISABLED' })).toEqual({
      ...version,
      state: 'DISABLED',
    });
    expect(await ask('GET', `/v1/${keyName}`)).toMatchObject({ primary: { state: 'DISABLED' } });
    expect(await ask('PATCH', path, { state: 'ENABLED' })).toEqual(version);
    const second = { ...version, name: `${keyName}/cryptoKeyVersions/2` };
    expect(await ask('POST', `/v1/${keyName}/cryptoKeyVersions?alt=json`, {})).toEqual(second);
    expect(await ask('GET', `/v1/${keyName}/cryptoKeyVersions?pageSize=100`)).toEqual({
      cryptoKeyVersions: [version, second],
    });
    expect(
      await ask('POST', `/v1/${keyName}:updatePrimaryVersion?alt=json`, {
        cryptoKeyVersionId: '2',
      }),
    ).toEqual({ ...key, primary: second });
  });

  test('adds a policy binding', async () => {
    const { ask } = await open();
    const query = '?alt=json&options.requestedPolicyVersion=3';
    expect(await ask('GET', `/v1/${keyName}:getIamPolicy${query}`)).toEqual({ etag: 'ACAB' });
    const bindings = [
      {
        members: ['serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com'],
        role: 'roles/cloudkms.cryptoKeyEncrypterDecrypter',
      },
    ];
    const policy = { bindings, etag: 'ACAB', version: 3 };
    const set = await ask('POST', `/v1/${keyName}:setIamPolicy?alt=json`, { policy });
    expect(set).toEqual({ version: 1, etag: 'BwAAAAAAAAE=', bindings });
    expect(await ask('GET', `/v1/${keyName}:getIamPolicy`)).toEqual(set);
    await expect(
      ask('POST', `/v1/${keyName}:setIamPolicy`, { policy, updateMask: 'bindings,etag' }),
    ).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await ask('GET', `/v1/${ringName}:getIamPolicy`)).toEqual({ etag: 'ACAB' });
    const permissions = ['cloudkms.cryptoKeys.get'];
    expect(await ask('POST', `/v1/${ringName}:testIamPermissions`, { permissions })).toEqual({
      permissions,
    });
  });

  test('describes projects', async () => {
    const { ask } = await open();
    const project = await ask('GET', '/v1/projects/example.com:p?alt=json');
    expect(project).toEqual({
      projectNumber: expect.stringMatching(/^[0-9]{12}$/),
      projectId: 'example.com:p',
      lifecycleState: 'ACTIVE',
      name: 'example.com:p',
      createTime: at,
    });
    const { projectNumber } = project as { projectNumber: string };
    expect(await ask('GET', `/v1/projects/${projectNumber}`)).toEqual(project);
  });

  test('encrypts and decrypts with checksums both ways', async () => {
    const { ask } = await open();
    const sealed = (await ask('POST', `/v1/${keyName}:encrypt?alt=json`, {
      additionalAuthenticatedDataCrc32c: '0',
      plaintext: 'aGkK',
      plaintextCrc32c: '467447939',
    })) as { ciphertext: string; ciphertextCrc32c: string };
    expect(sealed).toEqual({
      name: versionOne,
      ciphertext: expect.stringMatching(/^CiQA/),
      ciphertextCrc32c: expect.stringMatching(/^[0-9]+$/),
      verifiedPlaintextCrc32c: true,
      verifiedAdditionalAuthenticatedDataCrc32c: true,
      protectionLevel: 'SOFTWARE',
    });
    const { ciphertext, ciphertextCrc32c } = sealed;
    const opened = { plaintext: 'aGkK', plaintextCrc32c: '467447939', protectionLevel: 'SOFTWARE' };
    expect(
      await ask('POST', `/v1/${keyName}:decrypt?alt=json`, {
        additionalAuthenticatedDataCrc32c: 0,
        ciphertext,
        ciphertextCrc32c,
      }),
    ).toEqual({ ...opened, usedPrimary: true });
    const urlSafe = ciphertext.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    await ask('POST', `/v1/${keyName}/cryptoKeyVersions`, {});
    await ask('POST', `/v1/${keyName}:updatePrimaryVersion`, { cryptoKeyVersionId: '2' });
    expect(await ask('POST', `/v1/${keyName}:decrypt`, { ciphertext: urlSafe })).toEqual(opened);
    expect(await ask('POST', `/v1/${versionOne}:encrypt`, {})).toMatchObject({ name: versionOne });
  });
});

const misfit = (field: string): object => ({
  code: 'INVALID_ARGUMENT',
  message: `The checksum in field ${field}_crc32c did not match the data in field ${field}.`,
});

describe('bad input', () => {
  test('checksums that do not fit are refused by the field', async () => {
    const { ask } = await open();
    const encrypt = `/v1/${keyName}:encrypt`;
    const decrypt = `/v1/${keyName}:decrypt`;
    const aad = 'additional_authenticated_data';
    await expect(
      ask('POST', encrypt, { plaintext: 'aGkK', plaintextCrc32c: '1' }),
    ).rejects.toMatchObject(misfit('plaintext'));
    await expect(
      ask('POST', encrypt, { additionalAuthenticatedDataCrc32c: '1' }),
    ).rejects.toMatchObject(misfit(aad));
    await expect(
      ask('POST', decrypt, { ciphertext: 'aGkK', ciphertextCrc32c: '-1' }),
    ).rejects.toMatchObject(misfit('ciphertext'));
    await expect(
      ask('POST', decrypt, { ciphertext: 'aGkK', additionalAuthenticatedDataCrc32c: '1' }),
    ).rejects.toMatchObject(misfit(aad));
  });

  test.each<[HttpMethod, string, JsonValue | undefined, string]>([
    [
      'POST',
      `/v1/${keyName}:encrypt`,
      { x: 1 },
      'Invalid JSON payload received. Unknown name "x": Cannot find field.',
    ],
    [
      'POST',
      `/v1/${ringName}/cryptoKeys?cryptoKeyId=a`,
      { x: 1 },
      'Invalid JSON payload received. Unknown name "x" at \'crypto_key\': Cannot find field.',
    ],
    [
      'POST',
      `/v1/${keyName}:encrypt`,
      JSON.parse('{"__proto__": 1}') as JsonValue,
      'Invalid JSON payload received. Unknown name "__proto__": Cannot find field.',
    ],
    [
      'POST',
      `/v1/${keyName}:setIamPolicy`,
      { policy: { bindings: [{ who: [] }] } },
      'Invalid JSON payload received. Unknown name "who" at \'policy.bindings[0]\': Cannot find field.',
    ],
    [
      'GET',
      `/v1/${keyName}?mask=x`,
      undefined,
      'Invalid JSON payload received. Unknown name "mask": Cannot bind query parameter. Field \'mask\' could not be found in request message.',
    ],
    [
      'POST',
      `/v1/${keyName}:encrypt`,
      { plaintext: 5 },
      "Invalid value at 'plaintext' (TYPE_BYTES), 5",
    ],
    [
      'POST',
      `/v1/${keyName}:encrypt`,
      { plaintext: 'a secret!' },
      "Invalid value at 'plaintext' (TYPE_BYTES), Base64 decoding failed",
    ],
    [
      'POST',
      `/v1/${keyName}:encrypt`,
      { plaintextCrc32c: 'x' },
      'Invalid value at \'plaintext_crc32c\' (TYPE_INT64), "x"',
    ],
    [
      'POST',
      `/v1/${keyName}:setIamPolicy`,
      { policy: { bindings: 'x' } },
      'Invalid value at \'policy.bindings[0]\' (type.googleapis.com/google.iam.v1.Binding), "x"',
    ],
    [
      'POST',
      `/v1/${keyName}:setIamPolicy`,
      { policy: { bindings: [{ members: [7] }] } },
      "Invalid value at 'policy.bindings[0].members[0]' (TYPE_STRING), 7",
    ],
    ['POST', `/v1/${keyName}:setIamPolicy`, {}, 'Request field policy must be specified.'],
    [
      'POST',
      `/v1/${ringName}/cryptoKeys?cryptoKeyId=a`,
      { purpose: 'X' },
      'Invalid value at \'crypto_key.purpose\' (type.googleapis.com/google.cloud.kms.v1.CryptoKey.CryptoKeyPurpose), "X"',
    ],
    [
      'POST',
      `/v1/${ringName}/cryptoKeys?cryptoKeyId=a`,
      {},
      'Request field crypto_key.purpose must be specified.',
    ],
    [
      'POST',
      `/v1/${ringName}/cryptoKeys?cryptoKeyId=a.b`,
      { purpose: 'ENCRYPT_DECRYPT' },
      'Request field crypto_key_id must match [a-zA-Z0-9_-]{1,63}.',
    ],
    [
      'POST',
      `/v1/${ringName}/cryptoKeys?cryptoKeyId=a`,
      { purpose: 'ENCRYPT_DECRYPT', labels: { a: 1 } },
      "Invalid value at 'crypto_key.labels[0].value' (TYPE_STRING), 1",
    ],
    [
      'POST',
      `/v1/${ringName}/cryptoKeys?cryptoKeyId=a`,
      { purpose: 'ENCRYPT_DECRYPT', destroyScheduledDuration: '1s' },
      'Request field crypto_key.destroy_scheduled_duration must be between 86400s and 10368000s.',
    ],
    [
      'GET',
      `/v1/${ringName}/cryptoKeys?pageSize=x`,
      undefined,
      'Invalid value at \'page_size\' (TYPE_INT32), "x"',
    ],
    [
      'GET',
      `/v1/${ringName}/cryptoKeys?pageSize=-1`,
      undefined,
      'Request field page_size must not be negative.',
    ],
    [
      'PATCH',
      `/v1/${versionOne}`,
      { state: 'DISABLED' },
      'Request field update_mask must be specified.',
    ],
    [
      'PATCH',
      `/v1/${versionOne}?updateMask=name`,
      { state: 'DISABLED' },
      'Request field update_mask has an invalid path: name.',
    ],
    [
      'PATCH',
      `/v1/${versionOne}?updateMask=state`,
      { state: 'DESTROYED' },
      'Request field crypto_key_version.state must be ENABLED or DISABLED.',
    ],
    [
      'PATCH',
      `/v1/${versionOne}?updateMask=state`,
      {},
      'Request field crypto_key_version.state must be ENABLED or DISABLED.',
    ],
    [
      'POST',
      `/v1/${keyName}:updatePrimaryVersion`,
      { cryptoKeyVersionId: '01' },
      'Request field crypto_key_version_id must be the number of a version.',
    ],
  ])('%s %s %j', async (method, url, body, message) => {
    const { ask } = await open();
    await expect(ask(method, url, body)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message,
    });
  });

  test.each<[HttpMethod, string, JsonValue, string]>([
    ['POST', keysPath, { purpose: 'ASYMMETRIC_SIGN' }, 'The key purpose ASYMMETRIC_SIGN'],
    ['POST', keysPath, { purpose: 'ASYMMETRIC_DECRYPT' }, 'The key purpose ASYMMETRIC_DECRYPT'],
    ['POST', keysPath, { purpose: 10 }, 'The key purpose KEY_ENCAPSULATION'],
    ['POST', keysPath, { purpose: 'AES_WRAPPING' }, 'The key purpose AES_WRAPPING'],
    [
      'POST',
      keysPath,
      { purpose, versionTemplate: { protectionLevel: 'EXTERNAL_VPC' } },
      'The protection level EXTERNAL_VPC',
    ],
    [
      'POST',
      keysPath,
      { purpose, versionTemplate: { protectionLevel: 'HSM_SINGLE_TENANT' } },
      'The protection level HSM_SINGLE_TENANT',
    ],
    ['POST', keysPath, { purpose, importOnly: true }, 'The field import_only of CryptoKey'],
    [
      'POST',
      keysPath,
      { purpose, cryptoKeyBackend: 'projects/p/locations/l/ekmConnections/e' },
      'The field crypto_key_backend of CryptoKey',
    ],
    [
      'PATCH',
      `/v1/${versionOne}?updateMask=externalProtectionLevelOptions`,
      { externalProtectionLevelOptions: { ekmConnectionKeyPath: 'v0/k' } },
      'An EkmConnection of ExternalProtectionLevelOptions',
    ],
    [
      'POST',
      `/v1/${keyName}:setIamPolicy`,
      { policy: { auditConfigs: [{ service: 'allServices' }] } },
      'The field audit_configs of Policy',
    ],
    [
      'POST',
      `/v1/${keyName}:setIamPolicy`,
      { policy: {}, updateMask: 'etag' },
      'An IAM update mask without bindings',
    ],
  ])('%s %s %j is refused by name', async (method, url, body, what) => {
    const { ask } = await open();
    await expect(ask(method, url, body)).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      message: `${what} is not implemented.`,
    });
  });

  test.each<[HttpMethod, string, string]>([
    ['POST', `${ringName}/importJobs`, 'CreateImportJob'],
    ['GET', `${ringName}/importJobs/j`, 'GetImportJob'],
    ['GET', `${ringName}/importJobs`, 'ListImportJobs'],
    ['POST', `${keyName}/cryptoKeyVersions:import`, 'ImportCryptoKeyVersion'],
    ['GET', `${versionOne}/publicKey`, 'GetPublicKey'],
    ['POST', `${versionOne}:asymmetricSign`, 'AsymmetricSign'],
    ['POST', `${versionOne}:asymmetricDecrypt`, 'AsymmetricDecrypt'],
    ['POST', `${versionOne}:decapsulate`, 'Decapsulate'],
  ])('%s %s is the method %3$s, which this server lacks', async (method, path, rpc) => {
    const { ask } = await open();
    await expect(ask(method, `/v1/${path}`, {})).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      message: `The method google.cloud.kms.v1.KeyManagementService.${rpc} is not supported by this server.`,
    });
  });

  test.each<[HttpMethod, string]>([
    ['GET', `${ringName}/importJobs/j:getIamPolicy`],
    ['GET', 'projects/p/locations/global/ekmConfig:getIamPolicy'],
  ])('%s %s: a resource without a policy of its own', async (method, path) => {
    const { ask } = await open();
    await expect(ask(method, `/v1/${path}`, undefined)).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      message: expect.stringMatching(
        /^The method google\.iam\.v1\.IAMPolicy\.\w+ is not supported/,
      ),
    });
  });

  test.each(unbuiltKmsRoutes())('$rpc answers UNIMPLEMENTED under its name', async (unbuilt) => {
    const { ask } = await open();
    const path = unbuilt.template.replaceAll(/\{[a-z_.]+=([^}]*)\}/g, '$1').replaceAll('*', '1');
    await expect(ask(unbuilt.method, path, {})).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      message: `${unbuilt.rpc} is not implemented.`,
    });
  });
});
