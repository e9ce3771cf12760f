import type { AeadKey } from '../../crypto/index.ts';
import { openSealedMeta } from '../../envelope/index.ts';
import type { Clock, Entropy } from '../../runtime/index.ts';
import type { Store } from '../../storage/index.ts';
import type { Verifiable, VerificationSink } from '../../verification/index.ts';
import { allRows } from '../keys/key-state-rows.ts';
import { serviceNameOf } from '../services/service.ts';
import { decodeLogRow, logRowPrefix, type RegisteredLog } from './log-registry.ts';
import { openLines } from './log-segment.ts';
import { walkSegments } from './stored-segments.ts';

export interface LogVerifiableOptions {
  readonly store: Store;
  /** The store key. */
  readonly key: AeadKey;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/**
 * Log lines of services: each segment opens for its place and follows the one before it. Lines that
 * are gone from either end of a log are not missed: the oldest are trimmed in any case.
 */
export function serviceLogsVerifiable(options: LogVerifiableOptions): Verifiable {
  return {
    part: 'vault-logs',
    async verify(sink, signal) {
      for (const log of await registeredLogs(options)) {
        if (!signal.aborted) await verifyLog(log, options, sink, signal);
      }
    },
  };
}

/** Rows that do not open are found by who looks at rows. */
async function registeredLogs({
  store,
  key,
  entropy,
}: LogVerifiableOptions): Promise<RegisteredLog[]> {
  const meta = openSealedMeta({ inner: store.meta, key, entropy });
  const logs: RegisteredLog[] = [];
  for (const { key: rowKey } of await allRows(store.meta, logRowPrefix)) {
    const row = await meta.get(rowKey).catch(() => null);
    const log = row === null ? null : decodeLogRow(row);
    if (log !== null) logs.push(log);
  }
  return logs;
}

async function verifyLog(
  { service, log }: RegisteredLog,
  { store, key, clock }: LogVerifiableOptions,
  sink: VerificationSink,
  signal: AbortSignal,
): Promise<void> {
  const where = serviceNameOf(service);
  for await (const { segment, missingFrom } of walkSegments(store, log)) {
    if (signal.aborted) return;
    if (missingFrom !== null) await noteMissing(store, log, missingFrom, where, sink);
    if (segment === null) return;
    sink.expect(1);
    const isWhole = openLines(segment, service, key) !== null;
    if (isWhole) sink.passed(1, segment.body.length);
    else sink.damaged(`${where} line ${segment.base}`, 'it is not what was written there');
    await new Promise<void>((resolve) => clock.soon(resolve));
  }
}

/** What was trimmed, or dropped, meanwhile is no damage. */
async function noteMissing(
  store: Store,
  log: number,
  from: number,
  where: string,
  sink: VerificationSink,
): Promise<void> {
  const [tail] = await store.tails([log]);
  if (tail === undefined || tail.next === 0 || tail.trim > from) return;
  sink.expect(1);
  sink.damaged(`${where} line ${from}`, 'stored lines are missing');
}
