import { type AuditWriter, noAudit } from '../audit/index.ts';
import type { SuiteProviders } from '../crypto/index.ts';
import type { ResourceDirectory } from '../iam/index.ts';
import {
  type Clock,
  type Entropy,
  type Failpoints,
  type Logger,
  noFailpoints,
} from '../runtime/index.ts';
import type { KeyStore } from '../storage/index.ts';
import { AuditOutbox } from './audit/audit-outbox.ts';
import { keyWrites } from './keys/crypto-keys.ts';
import { EmbeddedKeyService } from './embedded-key-service.ts';
import { disableDenied } from './external/denied-versions.ts';
import type { ExternalProvider } from './external/external-provider.ts';
import type { DestructionGuard } from './key-administration.ts';
import { PolicyBook } from './iam/policy-book.ts';
import { KeyChanges } from './key-changes.ts';
import type { KmsContext } from './kms-context.ts';
import { lostRowError } from './kms-error.ts';
import { DueTimes } from './lifecycle/due-times.ts';
import { type KmsObserver, noKmsObserver } from './observer.ts';
import type { KeyProvider } from './providers/key-provider.ts';
import { SoftwareProvider } from './providers/software-provider.ts';
import type { KeyQuotas } from './quotas/key-quotas.ts';
import { reservedKeyName, reservedKeyRing } from './reserved-project.ts';
import type { RootKey } from './root/root-key.ts';
import { openRowKey } from './root/row-key.ts';
import { cryptoKeyTable, keyRingTable } from './rows/records.ts';
import { rowWrite, SealedRows } from './rows/sealed-rows.ts';

export interface KeyServiceOptions {
  readonly keyStore: KeyStore;
  readonly rootKey: RootKey;
  readonly suites: SuiteProviders;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer?: KmsObserver;
  /** Those of the other protection levels; SOFTWARE is always there. */
  readonly providers?: {
    readonly hsm?: KeyProvider;
    readonly external?: KeyProvider & Partial<Pick<ExternalProvider, 'onDenied'>>;
  };
  /** Absent: nothing is recorded. */
  readonly audit?: AuditWriter;
  /** Absent: nothing is counted. */
  readonly quotas?: Pick<KeyQuotas, 'take'>;
  /** Asked at each destruction; absent: nothing is known to depend on any version. */
  readonly guard?: DestructionGuard;
  readonly failpoints?: Failpoints;
  /** What has policies beside keys and projects; absent: nothing. */
  readonly directory?: Pick<ResourceDirectory, 'uidOf'>;
}

/**
 * Opens the key service on a key store, and on a new one makes its row key and default key. What
 * was due while it did not run is done before it resolves.
 *
 * @throws RpcError DATA_LOSS if the store was sealed under another root key, which the message names,
 * is damaged, or lost the row of its default key
 */
export async function startKeyService(options: KeyServiceOptions): Promise<EmbeddedKeyService> {
  const rows = new SealedRows(options.keyStore, await openRowKey(options));
  const context = contextOf(options, rows, await PolicyBook.open(rows, options.log));
  await ensureDefaultKey(context);
  await context.outbox.recover();
  options.providers?.external?.onDenied?.((name, uri) => disableDenied(context, name, uri));
  const service = new EmbeddedKeyService(context);
  await service.lifecycle.start();
  return service;
}

function contextOf(options: KeyServiceOptions, rows: SealedRows, policies: PolicyBook): KmsContext {
  const { clock, entropy, log, rootKey, providers } = options;
  const audit = options.audit ?? noAudit;
  const failpoints = options.failpoints ?? noFailpoints;
  return {
    rows,
    policies,
    directory: options.directory ?? { uidOf: () => undefined },
    rootKey,
    clock,
    entropy,
    log,
    observer: options.observer ?? noKmsObserver,
    changes: new KeyChanges(log),
    providers: {
      software: new SoftwareProvider(rootKey, entropy),
      ...(providers?.hsm && { hsm: providers.hsm }),
      ...(providers?.external && { external: providers.external }),
    },
    quotas: options.quotas ?? null,
    audit,
    outbox: new AuditOutbox({ rows, audit, entropy, log, failpoints }),
    dueTimes: new DueTimes(),
    guard: options.guard ?? null,
    failpoints,
  };
}

async function ensureDefaultKey(context: KmsContext): Promise<void> {
  if (await context.rows.get(cryptoKeyTable, reservedKeyName)) return;
  const ring = { createTimeMs: context.clock.wallMs() };
  const template = {
    protectionLevel: 'SOFTWARE',
    algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION',
  } as const;
  const key = { purpose: 'ENCRYPT_DECRYPT', labels: {}, skipInitialVersion: false } as const;
  const isMade = await context.rows.commit([
    rowWrite(keyRingTable, { id: reservedKeyRing, version: 0 }, ring),
    ...(await keyWrites(context, reservedKeyName, key, template)),
  ]);
  // One commit made them all, and nothing deletes any: what is left of them had the key's row.
  if (!isMade) throw lostRowError(reservedKeyName);
}
