import type { KmsWorld } from './kms-world.ts';

export const receiptMethod = 'sealpost.v1.EraseDataEncryptionKey';

export interface AuditedChange {
  readonly log: string;
  readonly method: string;
  readonly resource: string;
  readonly isFailure: boolean;
  /** Of an erasure's receipt: which DEK it was. */
  readonly dekId: string | null;
  readonly timeMs: number;
}

interface LogEntry {
  readonly logName: string;
  readonly timestamp: string;
  readonly protoPayload: {
    readonly methodName: string;
    readonly resourceName: string;
    readonly status?: { readonly code?: number };
    readonly metadata?: { readonly dekId?: string };
  };
}

/** Of the two logs of changes, oldest first. */
export async function auditEntries(world: KmsWorld, filter: string): Promise<AuditedChange[]> {
  const found: AuditedChange[] = [];
  let pageToken = '';
  do {
    const page = await world.rest.call<{ entries?: LogEntry[]; nextPageToken?: string }>(
      'POST',
      '/v2/entries:list',
      {
        resourceNames: ['projects/crash'],
        filter: `logName:("activity" OR "system_event") AND ${filter}`,
        pageSize: 1000,
        ...(pageToken !== '' && { pageToken }),
      },
    );
    for (const { logName, timestamp, protoPayload } of page.entries ?? []) {
      found.push({
        log: logName.slice(logName.indexOf('%2F') + 3),
        method: protoPayload.methodName,
        resource: protoPayload.resourceName,
        isFailure: (protoPayload.status?.code ?? 0) !== 0,
        dekId: protoPayload.metadata?.dekId ?? null,
        timeMs: Date.parse(timestamp),
      });
    }
    pageToken = page.nextPageToken ?? '';
  } while (pageToken !== '');
  return found;
}
