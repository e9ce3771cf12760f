import type { FieldMask } from '@bufbuild/protobuf/wkt';

import {
  argumentError,
  unimplementedError,
  type CryptoKey,
  type CryptoKeyChange,
  type CryptoKeyField,
} from '../../kms/index.ts';
import {
  CryptoKeyVersion_CryptoKeyVersionState as State,
  type CryptoKey as CryptoKeyMessage,
  type CryptoKeyVersion as CryptoKeyVersionMessage,
} from '../../proto/google/cloud/kms/v1/resources_pb.ts';
import { snakeCase } from '../../rpc/index.ts';
import { accessReasonsOf, algorithmOf, levelOf, scheduleOf } from './key-fields.ts';
import { missingField } from './new-key.ts';

/** What a path of UpdateCryptoKey's mask changes; any other path is refused. */
const keyFields: Readonly<Record<string, CryptoKeyField>> = {
  labels: 'labels',
  next_rotation_time: 'next_rotation_time',
  rotation_period: 'rotation_period',
  version_template: 'version_template',
  'version_template.algorithm': 'version_template',
  'version_template.protection_level': 'version_template',
  key_access_justifications_policy: 'key_access_justifications_policy',
  'key_access_justifications_policy.allowed_access_reasons': 'key_access_justifications_policy',
};

/** @throws RpcError INVALID_ARGUMENT for a mask that is missing, or a path that may not change */
export function keyMask(mask: FieldMask | undefined): CryptoKeyField[] {
  const fields = pathsOf(mask).map((path) => {
    if (Object.hasOwn(keyFields, path)) return keyFields[path]!;
    throw invalidPath(path);
  });
  return [...new Set(fields)];
}

/** The change that a mask's fields mean; `stored` reads the key as it is, if that is needed. */
export async function keyChange(
  given: CryptoKeyMessage,
  fields: readonly CryptoKeyField[],
  stored: () => Promise<CryptoKey>,
): Promise<CryptoKeyChange> {
  const { nextRotationTimeMs, rotationPeriodSeconds } = scheduleOf(given);
  const allowedAccessReasons = accessReasonsOf(given);
  const values: Readonly<Record<CryptoKeyField, CryptoKeyChange>> = {
    labels: { labels: given.labels },
    next_rotation_time: nextRotationTimeMs === undefined ? {} : { nextRotationTimeMs },
    rotation_period: rotationPeriodSeconds === undefined ? {} : { rotationPeriodSeconds },
    version_template: fields.includes('version_template')
      ? { versionTemplate: templateChange(given, await stored()) }
      : {},
    key_access_justifications_policy: allowedAccessReasons ? { allowedAccessReasons } : {},
  };
  return Object.assign({}, ...fields.map((field) => values[field])) as CryptoKeyChange;
}

/** A mask may name the algorithm alone: the protection level is never changed. */
function templateChange(
  { versionTemplate: template }: CryptoKeyMessage,
  stored: CryptoKey,
): NonNullable<CryptoKeyChange['versionTemplate']> {
  const protectionLevel =
    levelOf(template?.protectionLevel ?? 0) ?? stored.versionTemplate.protectionLevel;
  const algorithm = algorithmOf(template?.algorithm ?? 0, stored.purpose);
  return { protectionLevel, ...(algorithm && { algorithm }) };
}

export interface VersionChange {
  readonly state?: 'ENABLED' | 'DISABLED';
  readonly externalKeyUri?: string;
}

/** What UpdateCryptoKeyVersion asks for. @throws RpcError INVALID_ARGUMENT, UNIMPLEMENTED */
export function versionChange(
  given: CryptoKeyVersionMessage,
  mask: FieldMask | undefined,
): VersionChange {
  let change: VersionChange = {};
  for (const path of pathsOf(mask)) {
    if (path === 'state') change = { ...change, state: newState(given) };
    else if (uriPaths.has(path)) change = { ...change, externalKeyUri: externalUri(given) };
    else throw invalidPath(path);
  }
  return change;
}

const uriPaths: ReadonlySet<string> = new Set([
  'external_protection_level_options',
  'external_protection_level_options.external_key_uri',
]);

/** Empty if none is given. @throws RpcError UNIMPLEMENTED for what an EkmConnection needs */
export function externalUri({
  externalProtectionLevelOptions: options,
}: CryptoKeyVersionMessage): string {
  const { ekmConnectionKeyPath = '', ekmConnectionBackendOverride = '' } = options ?? {};
  if (ekmConnectionKeyPath !== '' || ekmConnectionBackendOverride !== '') {
    throw unimplementedError('An EkmConnection of ExternalProtectionLevelOptions');
  }
  return options?.externalKeyUri ?? '';
}

function newState({ state }: CryptoKeyVersionMessage): 'ENABLED' | 'DISABLED' {
  if (state === State.ENABLED) return 'ENABLED';
  if (state === State.DISABLED) return 'DISABLED';
  const message = 'Request field crypto_key_version.state must be ENABLED or DISABLED.';
  throw argumentError('crypto_key_version.state', message);
}

function pathsOf(mask: FieldMask | undefined): string[] {
  const paths = mask?.paths ?? [];
  if (paths.length === 0) throw missingField('update_mask');
  return paths.map(snakeCase);
}

function invalidPath(path: string): Error {
  const message = `Request field update_mask has an invalid path: ${path.slice(0, 100)}.`;
  return argumentError('update_mask', message);
}
