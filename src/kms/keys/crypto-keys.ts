import { draw } from '../../runtime/index.ts';
import type { AuditTrail } from '../audit/audit-trail.ts';
import { audited } from '../audit/audited.ts';
import { keyOperation } from '../audit/key-operation.ts';
import { recordedKey } from '../audit/recorded-key.ts';
import { toBase64 } from '../base64.ts';
import type {
  CryptoKey,
  CryptoKeyChange,
  CryptoKeyField,
  NewCryptoKey,
  VersionTemplate,
} from '../key-administration.ts';
import { generateVersion, keyUidBytes, type NewMaterial } from './key-material.ts';
import type { KeyCaller, KeyChange } from '../key-service.ts';
import { cryptoKeyOf } from './key-views.ts';
import {
  alreadyExistsError,
  argumentError,
  contentionError,
  purposeError,
  retiredNameError,
} from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { cryptoKeyFields } from '../lists/list-fields.ts';
import { requireId, requireKeyName, requireName, versionName } from '../names.ts';
import { changedKey, destroyScheduledSecondsDefault, requireNewKey } from './new-crypto-key.ts';
import { type Page, pageOfRows, type PageRequest } from '../rows/page.ts';
import {
  type CryptoKeyRecord,
  cryptoKeyTable,
  retiredNameTable,
  versionRowId,
  versionTable,
} from '../rows/records.ts';
import { type Row, type RowWrite, rowWrite } from '../rows/sealed-rows.ts';
import { requireCryptoKey, requireKeyRing, requireVersion } from '../rows/stored-keys.ts';

const attemptsMax = 10;

export class CryptoKeys {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /** @throws RpcError ALREADY_EXISTS, NOT_FOUND for the ring, INVALID_ARGUMENT, UNIMPLEMENTED */
  create(key: NewCryptoKey, caller: KeyCaller): Promise<CryptoKey> {
    const name = `${key.parent}/cryptoKeys/${key.id}`;
    const request = {
      parent: key.parent,
      cryptoKeyId: key.id,
      skipInitialVersionCreation: key.skipInitialVersion,
      cryptoKey: recordedKey(key),
    };
    const call = keyOperation('CreateCryptoKey', key.parent, caller, { target: name, request });
    return audited(this.#context, call, async (trail) => {
      requireName(key.parent, 'KeyRing', 'parent');
      requireId(key.id, 'crypto_key_id');
      const template = requireNewKey(this.#context, key);
      await requireKeyRing(this.#context, key.parent);
      const retired = await this.#context.rows.get(retiredNameTable, name);
      if (retired) throw retiredNameError(name);
      const writes = await keyWrites(this.#context, name, key, template, trail);
      this.#context.dueTimes.expectRotation(name, key.nextRotationTimeMs);
      trail.respond({ name });
      const absent = [retiredNameTable.prefix + name];
      if (!(await trail.commit(writes, { step: 'Create', absent }))) {
        throw alreadyExistsError('CryptoKey', name);
      }
      return await cryptoKeyOf(this.#context, await requireCryptoKey(this.#context, name));
    });
  }

  /** @throws RpcError NOT_FOUND, INVALID_ARGUMENT */
  get(name: string, caller: KeyCaller): Promise<CryptoKey> {
    const call = keyOperation('GetCryptoKey', name, caller, { request: { name } });
    return audited(this.#context, call, async () => {
      requireKeyName(name);
      return await cryptoKeyOf(this.#context, await requireCryptoKey(this.#context, name));
    });
  }

  /** @throws RpcError NOT_FOUND for the ring, INVALID_ARGUMENT */
  list(parent: string, request: PageRequest, caller: KeyCaller): Promise<Page<CryptoKey>> {
    const shown = { request: { parent, ...request } };
    const call = keyOperation('ListCryptoKeys', parent, caller, shown);
    return audited(this.#context, call, async () => {
      requireName(parent, 'KeyRing', 'parent');
      await requireKeyRing(this.#context, parent);
      const under = `${parent}/cryptoKeys/`;
      return await pageOfRows(this.#context, cryptoKeyTable, under, request, {
        fields: cryptoKeyFields,
        view: (row) => cryptoKeyOf(this.#context, row),
      });
    });
  }

  /** Changes the fields of the mask. @throws RpcError NOT_FOUND, INVALID_ARGUMENT */
  update(
    name: string,
    change: CryptoKeyChange,
    fields: readonly CryptoKeyField[],
    caller: KeyCaller,
  ): Promise<CryptoKey> {
    const cryptoKey = { name, ...recordedKey(change) };
    const request = { cryptoKey, updateMask: fields.join(',') };
    const call = keyOperation('UpdateCryptoKey', name, caller, { request });
    return audited(this.#context, call, async (trail) => {
      requireKeyName(name, 'crypto_key.name');
      if (fields.length === 0) {
        throw argumentError('update_mask', 'Request field update_mask must not be empty.');
      }
      const row = await this.#change(name, trail, announcedOf(name, fields), (record) => {
        const changed = changedKey(this.#context, record, change, fields);
        this.#context.dueTimes.expectRotation(name, changed.nextRotationTimeMs);
        return changed;
      });
      return await cryptoKeyOf(this.#context, row);
    });
  }

  /**
   * Makes a version the primary one, whatever its state.
   *
   * @throws RpcError NOT_FOUND for the key or the version, FAILED_PRECONDITION for other purposes
   */
  updatePrimaryVersion(name: string, version: number, caller: KeyCaller): Promise<CryptoKey> {
    const request = { name, cryptoKeyVersionId: String(version) };
    const call = keyOperation('UpdateCryptoKeyPrimaryVersion', name, caller, { request });
    return audited(this.#context, call, async (trail) => {
      requireKeyName(name);
      const change = { resource: name, kind: 'primary' } as const;
      const row = await this.#change(name, trail, change, async (record) => {
        if (record.purpose !== 'ENCRYPT_DECRYPT') {
          throw purposeError(name, record.purpose, 'UpdateCryptoKeyPrimaryVersion');
        }
        // After the key's row was read: whoever deletes the version writes that row too.
        await requireVersion(this.#context, name, version);
        return { ...record, primary: version };
      });
      return await cryptoKeyOf(this.#context, row);
    });
  }

  async #change(
    name: string,
    trail: AuditTrail,
    announced: KeyChange | undefined,
    change: (record: CryptoKeyRecord) => CryptoKeyRecord | Promise<CryptoKeyRecord>,
  ): Promise<Row<CryptoKeyRecord>> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const row = await requireCryptoKey(this.#context, name);
      const record = await change(row.record);
      const write = rowWrite(cryptoKeyTable, row, record);
      const options = announced ? { change: announced } : {};
      if (await trail.commit([write], options)) return { ...row, record };
    }
    throw contentionError(name);
  }
}

/** Of what an update changes, whether a key may be used is in its policy of access reasons alone. */
function announcedOf(name: string, fields: readonly CryptoKeyField[]): KeyChange | undefined {
  const isAccess = fields.includes('key_access_justifications_policy');
  return isAccess ? { resource: name, kind: 'iam' } : undefined;
}

/** The rows of a key that does not exist yet, and of its first version, to be written together. */
export async function keyWrites(
  context: KmsContext,
  name: string,
  key: Omit<NewCryptoKey, 'parent' | 'id' | 'versionTemplate'>,
  versionTemplate: VersionTemplate,
  trail?: NewMaterial,
): Promise<RowWrite[]> {
  const { skipInitialVersion, destroyScheduledSeconds, ...given } = key;
  const { purpose, labels, nextRotationTimeMs, rotationPeriodSeconds, allowedAccessReasons } =
    given;
  const hasPrimary = purpose === 'ENCRYPT_DECRYPT' && !skipInitialVersion;
  const record: CryptoKeyRecord = {
    uid: toBase64(draw(context.entropy, keyUidBytes)),
    purpose,
    createTimeMs: context.clock.wallMs(),
    labels,
    versionTemplate,
    destroyScheduledSeconds: destroyScheduledSeconds ?? destroyScheduledSecondsDefault,
    ...(nextRotationTimeMs !== undefined && { nextRotationTimeMs }),
    ...(rotationPeriodSeconds !== undefined && { rotationPeriodSeconds }),
    ...(allowedAccessReasons !== undefined && { allowedAccessReasons }),
    primary: hasPrimary ? 1 : null,
    versionCount: skipInitialVersion ? 0 : 1,
  };
  const keyWrite = rowWrite(cryptoKeyTable, { id: name, version: 0 }, record);
  if (skipInitialVersion) return [keyWrite];
  const state = { state: 'ENABLED' } as const;
  const version = await generateVersion(
    context,
    versionName(name, 1),
    versionTemplate,
    state,
    trail,
  );
  return [keyWrite, rowWrite(versionTable, { id: versionRowId(name, 1), version: 0 }, version)];
}
