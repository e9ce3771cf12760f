import type { AuditWriter } from '../audit/index.ts';
import type { ResourceDirectory } from '../iam/index.ts';
import { RpcError } from '../rpc/index.ts';
import type { Clock, Entropy, Failpoints, Logger } from '../runtime/index.ts';
import type { AuditOutbox } from './audit/audit-outbox.ts';
import type { DestructionGuard } from './key-administration.ts';
import type { KeyChanges } from './key-changes.ts';
import type { DueTimes } from './lifecycle/due-times.ts';
import type { KmsObserver } from './observer.ts';
import type { KeyProviders } from './providers/key-providers.ts';
import type { PolicyBook } from './iam/policy-book.ts';
import type { KeyQuotas } from './quotas/key-quotas.ts';
import type { RootKey } from './root/root-key.ts';
import type { SealedRows } from './rows/sealed-rows.ts';

/** What the parts of the embedded key service share. */
export interface KmsContext {
  readonly rows: SealedRows;
  /** What the rows hold of policies, in memory. */
  readonly policies: PolicyBook;
  /** What there is, beside keys, that policies stand on. */
  readonly directory: Pick<ResourceDirectory, 'uidOf'>;
  readonly rootKey: RootKey;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer: KmsObserver;
  readonly changes: KeyChanges;
  readonly providers: KeyProviders;
  /** Null: nothing is counted. */
  readonly quotas: Pick<KeyQuotas, 'take'> | null;
  readonly audit: AuditWriter;
  readonly outbox: AuditOutbox;
  readonly dueTimes: DueTimes;
  /** Null: nothing is known to depend on any version. */
  readonly guard: DestructionGuard | null;
  readonly failpoints: Failpoints;
}

/** Runs one call that no audit log records, and tells the observer how it ended. */
export async function observed<T>(
  { clock, observer }: Pick<KmsContext, 'clock' | 'observer'>,
  operation: string,
  call: () => Promise<T>,
): Promise<T> {
  const startMs = clock.monotonicMs();
  const end = (code: 'OK' | RpcError['code']): void =>
    observer.call({ operation, code, ms: clock.monotonicMs() - startMs });
  try {
    const result = await call();
    end('OK');
    return result;
  } catch (error) {
    end(RpcError.from(error).code);
    throw error;
  }
}
