import {
  argumentError,
  type NewBinding,
  type NewIamPolicy,
  type PageRequest,
  unimplementedError,
  type VersionState,
} from '../../kms/index.ts';
import type { NewCryptoKey } from '../../kms/crypto-keys.ts';
import { parseFieldMask } from '../../rpc/index.ts';
import type { RestCall } from '../route.ts';
import { JsonFields } from './json-fields.ts';
import { QueryFields, requireNoQuery } from './query-fields.ts';

/** Reads Cloud KMS's requests from JSON and query; what is not built is refused by its name. */
const cryptoKeyFields: readonly string[] = [
  'name',
  'primary',
  'purpose',
  'createTime',
  'nextRotationTime',
  'rotationPeriod',
  'versionTemplate',
  'labels',
  'importOnly',
  'destroyScheduledDuration',
  'cryptoKeyBackend',
  'keyAccessJustificationsPolicy',
];

/** Output-only fields are taken and passed over, as Google does. */
export const cryptoKeyVersionFields: readonly string[] = [
  'name',
  'state',
  'protectionLevel',
  'algorithm',
  'attestation',
  'createTime',
  'generateTime',
  'destroyTime',
  'destroyEventTime',
  'importJob',
  'importTime',
  'importFailureReason',
  'generationFailureReason',
  'externalDestructionFailureReason',
  'externalProtectionLevelOptions',
  'reimportEligible',
];

const kms = 'google.cloud.kms.v1';
const purposes = [
  'ENCRYPT_DECRYPT',
  'ASYMMETRIC_SIGN',
  'ASYMMETRIC_DECRYPT',
  'RAW_ENCRYPT_DECRYPT',
  'MAC',
  'KEY_ENCAPSULATION',
  'AES_WRAPPING',
] as const;
const protectionLevels = [
  'PROTECTION_LEVEL_UNSPECIFIED',
  'SOFTWARE',
  'HSM',
  'EXTERNAL',
  'EXTERNAL_VPC',
  'HSM_SINGLE_TENANT',
] as const;
const algorithm = 'GOOGLE_SYMMETRIC_ENCRYPTION';
const unspecifiedAlgorithm = 'CRYPTO_KEY_VERSION_ALGORITHM_UNSPECIFIED';
const versionStates = [
  'CRYPTO_KEY_VERSION_STATE_UNSPECIFIED',
  'PENDING_GENERATION',
  'ENABLED',
  'DISABLED',
  'DESTROYED',
  'DESTROY_SCHEDULED',
  'PENDING_IMPORT',
  'IMPORT_FAILED',
  'GENERATION_FAILED',
  'PENDING_EXTERNAL_DESTRUCTION',
  'EXTERNAL_DESTRUCTION_FAILED',
] as const;

export function pageRequest(call: RestCall, viewField?: string): PageRequest {
  const known = ['pageSize', 'pageToken', 'filter', 'orderBy', ...(viewField ? [viewField] : [])];
  const query = new QueryFields(call.query, known);
  for (const field of ['filter', 'orderBy']) {
    if (query.text(field) !== '') throw unimplementedError(`The list parameter ${field}`);
  }
  return { pageSize: query.integer('pageSize'), pageToken: query.text('pageToken') };
}

export function newCryptoKey(call: RestCall): NewCryptoKey {
  const query = new QueryFields(call.query, ['cryptoKeyId', 'skipInitialVersionCreation']);
  const key = new JsonFields(call.json(), cryptoKeyFields, 'crypto_key');
  requirePurpose(key);
  requireTemplate(key);
  refuseUnbuilt(key);
  const destroyScheduledSeconds = durationSeconds(key, 'destroyScheduledDuration');
  return {
    parent: call.params['parent']!,
    id: query.text('cryptoKeyId'),
    labels: key.textMap('labels') ?? {},
    ...(destroyScheduledSeconds !== undefined && { destroyScheduledSeconds }),
    skipInitialVersion: query.flag('skipInitialVersionCreation'),
  };
}

function requirePurpose(key: JsonFields): void {
  const purpose = key.enumName('purpose', `${kms}.CryptoKey.CryptoKeyPurpose`, purposes);
  if (purpose === undefined) {
    throw argumentError(
      'crypto_key.purpose',
      'Request field crypto_key.purpose must be specified.',
    );
  }
  if (purpose !== 'ENCRYPT_DECRYPT') throw unimplementedError(`The key purpose ${purpose}`);
}

function requireTemplate(key: JsonFields): void {
  const known = ['protectionLevel', 'algorithm'];
  const template = key.message('versionTemplate', known, `${kms}.CryptoKeyVersionTemplate`);
  const level = template?.enumName('protectionLevel', `${kms}.ProtectionLevel`, protectionLevels);
  if (level !== undefined && level !== 'SOFTWARE' && level !== 'PROTECTION_LEVEL_UNSPECIFIED') {
    throw unimplementedError(`The protection level ${level}`);
  }
  const wanted = template?.text('algorithm') ?? algorithm;
  if (wanted === algorithm || wanted === unspecifiedAlgorithm) return;
  throw argumentError(
    'crypto_key.version_template.algorithm',
    `Algorithm ${wanted.slice(0, 100)} is not valid for the purpose ENCRYPT_DECRYPT.`,
  );
}

function refuseUnbuilt(key: JsonFields): void {
  const unbuilt = [
    'nextRotationTime',
    'rotationPeriod',
    'cryptoKeyBackend',
    'keyAccessJustificationsPolicy',
  ];
  const field = unbuilt.find((name) => key.has(name));
  if (field !== undefined) throw unimplementedError(`The field ${field} of CryptoKey`);
  if (key.flag('importOnly')) throw unimplementedError('The field importOnly of CryptoKey');
}

function durationSeconds(fields: JsonFields, name: string): number | undefined {
  const text = fields.text(name);
  if (text === undefined) return undefined;
  if (/^[0-9]{1,12}s$/.test(text)) return Number(text.slice(0, -1));
  throw argumentError(
    name,
    `Illegal duration format; duration must be whole seconds and end with 's'`,
  );
}

/** The new labels of UpdateCryptoKey, the one field that may change. */
export function newLabels(call: RestCall): Record<string, string> {
  const query = new QueryFields(call.query, ['updateMask']);
  const key = new JsonFields(call.json(), cryptoKeyFields, 'crypto_key');
  requireMask(query.text('updateMask'), 'labels', 'CryptoKey');
  return key.textMap('labels') ?? {};
}

/** The new state of UpdateCryptoKeyVersion, the one field that may change. */
export function newVersionState(call: RestCall): VersionState {
  const query = new QueryFields(call.query, ['updateMask']);
  const version = new JsonFields(call.json(), cryptoKeyVersionFields, 'crypto_key_version');
  requireMask(query.text('updateMask'), 'state', 'CryptoKeyVersion');
  const type = `${kms}.CryptoKeyVersion.CryptoKeyVersionState`;
  const state = version.enumName('state', type, versionStates);
  if (state === 'ENABLED' || state === 'DISABLED') return state;
  const message = 'Request field crypto_key_version.state must be ENABLED or DISABLED.';
  throw argumentError('crypto_key_version.state', message);
}

/** Fields of the proto that a mask may name, but that this server does not change. */
const unbuiltMasks: ReadonlySet<string> = new Set([
  'next_rotation_time',
  'rotation_period',
  'version_template',
  'version_template.algorithm',
  'version_template.protection_level',
  'key_access_justifications_policy',
  'external_protection_level_options',
]);

function requireMask(mask: string, only: string, resource: string): void {
  const paths = parseFieldMask(mask);
  if (paths.length === 0) {
    throw argumentError('update_mask', 'Request field update_mask must be specified.');
  }
  for (const path of paths) {
    if (path === only) continue;
    const what = `The update of ${path.slice(0, 100)} of ${resource}`;
    if (unbuiltMasks.has(path)) throw unimplementedError(what);
    const message = `Request field update_mask has an invalid path: ${path.slice(0, 100)}.`;
    throw argumentError('update_mask', message);
  }
}

export function newPolicy(call: RestCall): NewIamPolicy {
  requireNoQuery(call);
  const request = new JsonFields(call.json(), ['policy', 'updateMask']);
  const known = ['version', 'bindings', 'etag', 'auditConfigs'];
  const policy = request.message('policy', known, 'google.iam.v1.Policy');
  if (policy === undefined) {
    throw argumentError('policy', 'Request field policy must be specified.');
  }
  requirePolicyMask(request.text('updateMask'));
  if (policy.has('auditConfigs')) throw unimplementedError('The field auditConfigs of Policy');
  const version = policy.integer('version', 'TYPE_INT32');
  const etag = policy.text('etag');
  const names = ['role', 'members', 'condition'];
  const bindings = policy.messages('bindings', names, 'google.iam.v1.Binding').map((binding) => ({
    role: binding.text('role') ?? '',
    members: binding.texts('members'),
    ...conditionOf(binding),
  }));
  return {
    bindings,
    ...(version !== undefined && { version }),
    ...(etag !== undefined && etag !== '' && { etag }),
  };
}

function conditionOf(binding: JsonFields): Pick<NewBinding, 'condition'> {
  const known = ['expression', 'title', 'description', 'location'];
  const condition = binding.message('condition', known, 'google.type.Expr');
  if (condition === undefined) return {};
  const [expression = '', title = '', description = '', location = ''] = known.map((name) =>
    condition.text(name),
  );
  return { condition: { expression, title, description, location } };
}

/** Bindings are what a policy is made of here: a mask without them would change nothing. */
function requirePolicyMask(mask: string | undefined): void {
  if (mask === undefined || parseFieldMask(mask).includes('bindings')) return;
  throw unimplementedError('An IAM update mask without bindings');
}
