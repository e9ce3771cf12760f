import type { AuditTrail } from '../audit/audit-trail.ts';
import { audited } from '../audit/audited.ts';
import { keyOperation } from '../audit/key-operation.ts';
import type { CryptoKeyVersion } from '../key-administration.ts';
import { generateVersion, type NewVersion } from './key-material.ts';
import type { KeyCaller } from '../key-service.ts';
import { versionOf } from './key-views.ts';
import { argumentError, contentionError, versionStateError } from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { versionFields } from '../lists/list-fields.ts';
import { requireKeyName, requireVersionName, versionName } from '../names.ts';
import { providerOf } from '../providers/key-providers.ts';
import { type Page, pageOfRows, type PageRequest } from '../rows/page.ts';
import {
  type CryptoKeyRecord,
  cryptoKeyTable,
  type VersionRecord,
  versionRowId,
  versionTable,
} from '../rows/records.ts';
import { type Row, rowWrite } from '../rows/sealed-rows.ts';
import { requireCryptoKey, requireVersion } from '../rows/stored-keys.ts';

export const versionsMax = 999_999_999;
const attemptsMax = 10;

/** What UpdateCryptoKeyVersion may change. */
export interface VersionChange {
  readonly state?: 'ENABLED' | 'DISABLED';
  readonly externalKeyUri?: string;
}

export class KeyVersions {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /**
   * Adds the next version; the primary stays.
   *
   * @throws RpcError NOT_FOUND for the key, INVALID_ARGUMENT; that of the provider
   */
  create(parent: string, version: NewVersion, caller: KeyCaller): Promise<CryptoKeyVersion> {
    const request = { parent, cryptoKeyVersion: { ...version } };
    const call = keyOperation('CreateCryptoKeyVersion', parent, caller, { request });
    return audited(this.#context, call, async (trail) => {
      requireKeyName(parent, 'parent');
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const key = await requireCryptoKey(this.#context, parent);
        requireExternalUri(key.record, version.externalKeyUri);
        const created = await this.#append(key, version, trail);
        if (created) return versionOf(created);
      }
      throw contentionError(parent);
    });
  }

  /** @throws RpcError NOT_FOUND, INVALID_ARGUMENT */
  get(name: string, caller: KeyCaller): Promise<CryptoKeyVersion> {
    const call = keyOperation('GetCryptoKeyVersion', name, caller, { request: { name } });
    return audited(this.#context, call, async () => {
      const { cryptoKey, version } = requireVersionName(name);
      return versionOf(await requireVersion(this.#context, cryptoKey, version));
    });
  }

  /** In order of their numbers. @throws RpcError NOT_FOUND for the key, INVALID_ARGUMENT */
  list(parent: string, request: PageRequest, caller: KeyCaller): Promise<Page<CryptoKeyVersion>> {
    const shown = { request: { parent, ...request } };
    const call = keyOperation('ListCryptoKeyVersions', parent, caller, shown);
    return audited(this.#context, call, async () => {
      requireKeyName(parent, 'parent');
      await requireCryptoKey(this.#context, parent);
      const shape = { fields: versionFields, view: versionOf };
      return await pageOfRows(this.#context, versionTable, `${parent}/`, request, shape);
    });
  }

  /**
   * Enables or disables a version, or points it at another external key; what changes nothing is
   * no change. Listeners hear of it before this resolves.
   *
   * @throws RpcError NOT_FOUND, INVALID_ARGUMENT, FAILED_PRECONDITION unless it is ENABLED or
   * DISABLED
   */
  update(name: string, change: VersionChange, caller: KeyCaller): Promise<CryptoKeyVersion> {
    const request = { name, cryptoKeyVersion: { ...change } };
    const call = keyOperation('UpdateCryptoKeyVersion', name, caller, { request });
    return audited(this.#context, call, async (trail) => {
      const { cryptoKey, version } = requireVersionName(name, 'crypto_key_version.name');
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const row = await requireVersion(this.#context, cryptoKey, version);
        const record = await this.#changed(name, row.record, change);
        if (record === null) return versionOf(row);
        const announced = { resource: cryptoKey, kind: 'versionState' } as const;
        const write = rowWrite(versionTable, row, record);
        trail.respond({ name, state: record.state });
        if (await trail.commit([write], { change: announced }))
          return versionOf({ ...row, record });
      }
      throw contentionError(name);
    });
  }

  /** Null if it is so already. */
  async #changed(
    name: string,
    record: VersionRecord,
    change: VersionChange,
  ): Promise<VersionRecord | null> {
    if (record.state !== 'ENABLED' && record.state !== 'DISABLED') {
      throw versionStateError(name, record.state, 'ENABLED or DISABLED');
    }
    const { state = record.state, externalKeyUri } = change;
    const moved = await this.#movedMaterial(name, record, externalKeyUri);
    if (state === record.state && moved === null) return null;
    return { ...record, state, ...moved };
  }

  async #movedMaterial(
    name: string,
    { protectionLevel, algorithm, externalKeyUri }: VersionRecord,
    uri: string | undefined,
  ): Promise<(Pick<VersionRecord, 'material'> & { readonly externalKeyUri: string }) | null> {
    if (uri === undefined || uri === externalKeyUri) return null;
    const field = 'crypto_key_version.external_protection_level_options.external_key_uri';
    if (protectionLevel !== 'EXTERNAL') {
      const message = `Request field ${field} is only for versions of protection level EXTERNAL.`;
      throw argumentError(field, message);
    }
    const provider = providerOf(this.#context.providers, protectionLevel);
    const material = await provider.generate({ name, algorithm }, { uri });
    return { externalKeyUri: uri, material };
  }

  /** Null if another version was added at the same time. */
  async #append(
    key: Row<CryptoKeyRecord>,
    version: NewVersion,
    trail: AuditTrail,
  ): Promise<Row<VersionRecord> | null> {
    const number = key.record.versionCount + 1;
    if (number > versionsMax) throw argumentError('parent', `${key.id} has too many versions.`);
    const id = versionRowId(key.id, number);
    const name = versionName(key.id, number);
    const { versionTemplate } = key.record;
    const record = await generateVersion(this.#context, name, versionTemplate, version, trail);
    const writes = [
      rowWrite(cryptoKeyTable, key, { ...key.record, versionCount: number }),
      rowWrite(versionTable, { id, version: 0 }, record),
    ];
    trail.respond({ name, state: record.state });
    const isDone = await trail.commit(writes, { step: 'Create' });
    return isDone ? { id, version: 1, record } : null;
  }
}

function requireExternalUri({ versionTemplate }: CryptoKeyRecord, uri: string | undefined): void {
  const isExternal = versionTemplate.protectionLevel === 'EXTERNAL';
  if (isExternal === (uri !== undefined)) return;
  const field = 'crypto_key_version.external_protection_level_options.external_key_uri';
  const rule = isExternal ? 'is required' : 'must be absent';
  const level = versionTemplate.protectionLevel;
  throw argumentError(field, `Request field ${field} ${rule} for protection level ${level}.`);
}
