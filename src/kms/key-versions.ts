import { argumentError, contentionError } from './kms-error.ts';
import { drawVersion } from './key-material.ts';
import { commitChange, type KmsContext, observed } from './kms-context.ts';
import { requireKeyName, requireVersionName, versionName } from './names.ts';
import { type Page, pageOfRows, type PageRequest } from './rows/page.ts';
import {
  type CryptoKeyRecord,
  cryptoKeyTable,
  type VersionRecord,
  versionRowId,
  type VersionState,
  versionTable,
} from './rows/records.ts';
import { refuseReserved } from './reserved-project.ts';
import { type Row, rowWrite } from './rows/sealed-rows.ts';
import { requireCryptoKey, requireVersion } from './rows/stored-keys.ts';

/** One version of a key: the thing that has key material and a state. */
export interface CryptoKeyVersion {
  readonly name: string;
  readonly state: VersionState;
  readonly createTimeMs: number;
}

const versionsMax = 999_999_999;
const attemptsMax = 10;

export class KeyVersions {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /** Adds the next version, enabled; the primary stays. @throws RpcError NOT_FOUND for the key */
  create(parent: string): Promise<CryptoKeyVersion> {
    return observed(this.#context, 'CreateCryptoKeyVersion', async () => {
      const { project } = requireKeyName(parent, 'parent');
      refuseReserved(project, 'cloudkms.cryptoKeyVersions.create', parent);
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const created = await this.#append(await requireCryptoKey(this.#context, parent));
        if (created) return versionOf(created);
      }
      throw contentionError(parent);
    });
  }

  /** @throws RpcError NOT_FOUND, INVALID_ARGUMENT */
  get(name: string): Promise<CryptoKeyVersion> {
    return observed(this.#context, 'GetCryptoKeyVersion', async () => {
      const { project, cryptoKey, version } = requireVersionName(name);
      refuseReserved(project, 'cloudkms.cryptoKeyVersions.get', name);
      return versionOf(await requireVersion(this.#context, cryptoKey, version));
    });
  }

  /** In order of their numbers. @throws RpcError NOT_FOUND for the key, INVALID_ARGUMENT */
  list(parent: string, request: PageRequest): Promise<Page<CryptoKeyVersion>> {
    return observed(this.#context, 'ListCryptoKeyVersions', async () => {
      const { project } = requireKeyName(parent, 'parent');
      refuseReserved(project, 'cloudkms.cryptoKeyVersions.list', parent);
      await requireCryptoKey(this.#context, parent);
      const page = await pageOfRows(this.#context.rows, versionTable, `${parent}/`, request);
      return { ...page, items: page.items.map(versionOf) };
    });
  }

  /**
   * Enables or disables a version; asking for the state it has changes nothing. Listeners hear of
   * it before this resolves.
   *
   * @throws RpcError NOT_FOUND, INVALID_ARGUMENT
   */
  updateState(name: string, state: VersionState): Promise<CryptoKeyVersion> {
    return observed(this.#context, 'UpdateCryptoKeyVersion', async () => {
      const { project, cryptoKey, version } = requireVersionName(name, 'crypto_key_version.name');
      refuseReserved(project, 'cloudkms.cryptoKeyVersions.update', name);
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const row = await requireVersion(this.#context, cryptoKey, version);
        if (row.record.state === state) return versionOf(row);
        const record = { ...row.record, state };
        const write = rowWrite(versionTable, row, record);
        const change = { resource: cryptoKey, kind: 'versionState' } as const;
        if (!(await commitChange(this.#context, [write], change))) continue;
        return versionOf({ ...row, record });
      }
      throw contentionError(name);
    });
  }

  /** Null if another version was added at the same time. */
  async #append(key: Row<CryptoKeyRecord>): Promise<Row<VersionRecord> | null> {
    const number = key.record.versionCount + 1;
    if (number > versionsMax) throw argumentError('parent', `${key.id} has too many versions.`);
    const id = versionRowId(key.id, number);
    const record = drawVersion(this.#context, versionName(key.id, number));
    const isDone = await this.#context.rows.commit([
      rowWrite(cryptoKeyTable, key, { ...key.record, versionCount: number }),
      rowWrite(versionTable, { id, version: 0 }, record),
    ]);
    return isDone ? { id, version: 1, record } : null;
  }
}

/** What the API shows of a version's row: its name again, and nothing of the material. */
export function versionOf({ id, record }: Row<VersionRecord>): CryptoKeyVersion {
  const at = id.lastIndexOf('/');
  const name = versionName(id.slice(0, at), Number(id.slice(at + 1)));
  return { name, state: record.state, createTimeMs: record.createTimeMs };
}
