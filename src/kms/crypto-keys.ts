import { draw } from '../runtime/index.ts';
import { alreadyExistsError, argumentError, contentionError } from './kms-error.ts';
import { drawVersion, keyUidBytes, toBase64 } from './key-material.ts';
import { requireLabels } from './key-labels.ts';
import { type CryptoKeyVersion, versionOf } from './key-versions.ts';
import { commitChange, type KmsContext, observed } from './kms-context.ts';
import { requireId, requireKeyName, requireName, versionName } from './names.ts';
import { type Page, pageOfRows, type PageRequest } from './rows/page.ts';
import {
  type CryptoKeyRecord,
  cryptoKeyTable,
  versionRowId,
  versionTable,
} from './rows/records.ts';
import { refuseReserved } from './reserved-project.ts';
import { type Row, type RowWrite, rowWrite } from './rows/sealed-rows.ts';
import { requireCryptoKey, requireKeyRing, requireVersion } from './rows/stored-keys.ts';

/** A symmetric key (ENCRYPT_DECRYPT, SOFTWARE): a name for versions. Never deleted. */
export interface CryptoKey {
  readonly name: string;
  readonly createTimeMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly destroyScheduledSeconds: number;
  /** The version that Encrypt uses, in its present state. */
  readonly primary?: CryptoKeyVersion;
}

export interface NewCryptoKey {
  /** The key ring's name. */
  readonly parent: string;
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** 30 days unless given. */
  readonly destroyScheduledSeconds?: number;
  readonly skipInitialVersion: boolean;
}

const daySeconds = 86_400;
const destroyScheduledSecondsDefault: number = 30 * daySeconds;
const destroyScheduledSecondsMax: number = 120 * daySeconds;
const attemptsMax = 10;

export class CryptoKeys {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /** @throws RpcError ALREADY_EXISTS, NOT_FOUND for the ring, INVALID_ARGUMENT */
  create(key: NewCryptoKey): Promise<CryptoKey> {
    return observed(this.#context, 'CreateCryptoKey', async () => {
      const { project } = requireName(key.parent, 'KeyRing', 'parent');
      refuseReserved(project, 'cloudkms.cryptoKeys.create', key.parent);
      requireId(key.id, 'crypto_key_id');
      requireLabels(key.labels);
      requireDestroyDelay(key.destroyScheduledSeconds);
      await requireKeyRing(this.#context, key.parent);
      const name = `${key.parent}/cryptoKeys/${key.id}`;
      if (!(await this.#context.rows.commit(keyWrites(this.#context, name, key)))) {
        throw alreadyExistsError('CryptoKey', name);
      }
      return await this.#read(await requireCryptoKey(this.#context, name));
    });
  }

  /** @throws RpcError NOT_FOUND, INVALID_ARGUMENT */
  get(name: string): Promise<CryptoKey> {
    return observed(this.#context, 'GetCryptoKey', async () => {
      refuseReserved(requireKeyName(name).project, 'cloudkms.cryptoKeys.get', name);
      return await this.#read(await requireCryptoKey(this.#context, name));
    });
  }

  /** @throws RpcError NOT_FOUND for the ring, INVALID_ARGUMENT */
  list(parent: string, request: PageRequest): Promise<Page<CryptoKey>> {
    return observed(this.#context, 'ListCryptoKeys', async () => {
      const { project } = requireName(parent, 'KeyRing', 'parent');
      refuseReserved(project, 'cloudkms.cryptoKeys.list', parent);
      await requireKeyRing(this.#context, parent);
      const under = `${parent}/cryptoKeys/`;
      const page = await pageOfRows(this.#context.rows, cryptoKeyTable, under, request);
      const items: CryptoKey[] = [];
      for (const row of page.items) items.push(await this.#read(row));
      return { ...page, items };
    });
  }

  /** Replaces the labels. @throws RpcError NOT_FOUND, INVALID_ARGUMENT */
  updateLabels(name: string, labels: Readonly<Record<string, string>>): Promise<CryptoKey> {
    return observed(this.#context, 'UpdateCryptoKey', async () => {
      refuseReserved(requireKeyName(name).project, 'cloudkms.cryptoKeys.update', name);
      requireLabels(labels);
      const row = await this.#change(
        name,
        (record) => ({ ...record, labels }),
        (write) => this.#context.rows.commit([write]),
      );
      return await this.#read(row);
    });
  }

  /**
   * Makes a version the primary one, whatever its state.
   *
   * @throws RpcError NOT_FOUND for the key or the version
   */
  updatePrimaryVersion(name: string, version: number): Promise<CryptoKey> {
    return observed(this.#context, 'UpdateCryptoKeyPrimaryVersion', async () => {
      refuseReserved(requireKeyName(name).project, 'cloudkms.cryptoKeys.update', name);
      await requireCryptoKey(this.#context, name);
      await requireVersion(this.#context, name, version);
      const change = { resource: name, kind: 'primary' } as const;
      const row = await this.#change(
        name,
        (record) => ({ ...record, primary: version }),
        (write) => commitChange(this.#context, [write], change),
      );
      return await this.#read(row);
    });
  }

  async #change(
    name: string,
    change: (record: CryptoKeyRecord) => CryptoKeyRecord,
    commit: (write: RowWrite) => Promise<boolean>,
  ): Promise<Row<CryptoKeyRecord>> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const row = await requireCryptoKey(this.#context, name);
      const record = change(row.record);
      if (await commit(rowWrite(cryptoKeyTable, row, record))) return { ...row, record };
    }
    throw contentionError(name);
  }

  async #read({ id: name, record }: Row<CryptoKeyRecord>): Promise<CryptoKey> {
    const { createTimeMs, labels, destroyScheduledSeconds, primary } = record;
    const key = { name, createTimeMs, labels, destroyScheduledSeconds };
    if (primary === null) return key;
    return { ...key, primary: versionOf(await requireVersion(this.#context, name, primary)) };
  }
}

/** The rows of a key that does not exist yet, and of its first version, to be written together. */
export function keyWrites(
  context: KmsContext,
  name: string,
  key: Pick<NewCryptoKey, 'labels' | 'destroyScheduledSeconds' | 'skipInitialVersion'>,
): RowWrite[] {
  const record: CryptoKeyRecord = {
    uid: toBase64(draw(context.entropy, keyUidBytes)),
    createTimeMs: context.clock.wallMs(),
    labels: key.labels,
    destroyScheduledSeconds: key.destroyScheduledSeconds ?? destroyScheduledSecondsDefault,
    primary: key.skipInitialVersion ? null : 1,
    versionCount: key.skipInitialVersion ? 0 : 1,
  };
  const keyWrite = rowWrite(cryptoKeyTable, { id: name, version: 0 }, record);
  if (key.skipInitialVersion) return [keyWrite];
  const at = { id: versionRowId(name, 1), version: 0 };
  return [keyWrite, rowWrite(versionTable, at, drawVersion(context, versionName(name, 1)))];
}

function requireDestroyDelay(seconds: number | undefined): void {
  if (seconds === undefined) return;
  if (seconds >= daySeconds && seconds <= destroyScheduledSecondsMax) return;
  throw argumentError(
    'crypto_key.destroy_scheduled_duration',
    `Request field crypto_key.destroy_scheduled_duration must be between ${daySeconds}s and ` +
      `${destroyScheduledSecondsMax}s.`,
  );
}
