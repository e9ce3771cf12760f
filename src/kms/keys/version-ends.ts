import type { AuditTrail } from '../audit/audit-trail.ts';
import { audited } from '../audit/audited.ts';
import { keyOperation } from '../audit/key-operation.ts';
import { requireUnused } from './destruction-guard.ts';
import type { CryptoKeyVersion } from '../key-administration.ts';
import type { KeyCaller } from '../key-service.ts';
import { versionOf } from './key-views.ts';
import { contentionError, notEnabledError, versionStateError } from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { requireVersionName } from '../names.ts';
import { type VersionRecord, versionTable } from '../rows/records.ts';
import { rowWrite } from '../rows/sealed-rows.ts';
import { requireCryptoKey, requireVersion } from '../rows/stored-keys.ts';

const attemptsMax = 10;

/** Destruction of versions by the API, and its reversal while there is time. */
export class VersionEnds {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /**
   * Schedules a version's destruction.
   *
   * @throws RpcError NOT_FOUND; FAILED_PRECONDITION if it is scheduled or destroyed already, or if
   * stored messages depend on it and `isForced` is false
   */
  destroy(name: string, isForced: boolean, caller: KeyCaller): Promise<CryptoKeyVersion> {
    const request = { name, ...(isForced && { isForced }) };
    const call = keyOperation('DestroyCryptoKeyVersion', name, caller, { request });
    return audited(this.#context, call, async (trail) => {
      const { cryptoKey } = requireVersionName(name);
      const key = await requireCryptoKey(this.#context, cryptoKey);
      const delayMs = key.record.destroyScheduledSeconds * 1000;
      await this.#require(name, (record) => scheduled(name, record, 0));
      await requireUnused(this.#context, name, key.record.labels, isForced);
      return await this.#change(name, trail, 'Destroy', (record) => {
        const dueMs = this.#context.clock.wallMs() + delayMs;
        this.#context.dueTimes.expectDestruction(name, dueMs);
        return scheduled(name, record, dueMs);
      });
    });
  }

  /** Takes a destruction back. @throws RpcError NOT_FOUND, FAILED_PRECONDITION */
  restore(name: string, caller: KeyCaller): Promise<CryptoKeyVersion> {
    const call = keyOperation('RestoreCryptoKeyVersion', name, caller, { request: { name } });
    return audited(this.#context, call, (trail) =>
      this.#change(name, trail, 'Restore', (record) => {
        if (record.state !== 'DESTROY_SCHEDULED') {
          throw versionStateError(name, record.state, 'DESTROY_SCHEDULED');
        }
        const { destroyTimeMs: _destroyTimeMs, ...rest } = record;
        return { ...rest, state: 'DISABLED' };
      }),
    );
  }

  async #require(name: string, check: (record: VersionRecord) => unknown): Promise<void> {
    const { cryptoKey, version } = requireVersionName(name);
    check((await requireVersion(this.#context, cryptoKey, version)).record);
  }

  async #change(
    name: string,
    trail: AuditTrail,
    step: 'Destroy' | 'Restore',
    change: (record: VersionRecord) => VersionRecord,
  ): Promise<CryptoKeyVersion> {
    const { cryptoKey, version } = requireVersionName(name);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const row = await requireVersion(this.#context, cryptoKey, version);
      const record = change(row.record);
      trail.respond({ name, state: record.state });
      const announced = { resource: cryptoKey, kind: 'versionState' } as const;
      const write = rowWrite(versionTable, row, record);
      if (await trail.commit([write], { step, change: announced })) {
        return versionOf({ ...row, record });
      }
    }
    throw contentionError(name);
  }
}

function scheduled(name: string, record: VersionRecord, destroyTimeMs: number): VersionRecord {
  if (record.state !== 'ENABLED' && record.state !== 'DISABLED') {
    throw notEnabledError(name, record.state);
  }
  return { ...record, state: 'DESTROY_SCHEDULED', destroyTimeMs };
}
