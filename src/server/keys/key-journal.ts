import type { AuditEntry, AuditResource, AuditWriter } from '../../audit/index.ts';
import type { RewrapJournal, RewrapTask } from '../../broker/index.ts';
import type { ErasureJournal, ErasureReceipt } from '../../envelope/index.ts';
import { formatTimestamp } from '../../rpc/index.ts';

/** What an erasure is, and what it is not: part of every receipt (docs/keys.md). */
const erasureScope =
  'The wrapped data encryption key was deleted, and the environment of the keys was rewritten ' +
  'without free pages: this data directory holds it no more. Not covered: backups and snapshots ' +
  'made earlier, blocks that an SSD or a copy-on-write file system kept, other copies. Against ' +
  'whoever has such a copy and may use the key encryption key, only its end is final.';

/** The service itself, as everywhere in the log (docs/audit.md). */
const ownPrincipal = 'sealpost';

/** Receipts of erased DEKs as entries of the audit log, under the topic's project. */
export function erasureJournal(audit: AuditWriter): ErasureJournal {
  return {
    erased: async (receipt, id) => {
      await audit.append(erasureEntry(receipt), id);
    },
  };
}

function erasureEntry(receipt: ErasureReceipt): AuditEntry {
  const { topicName, topicUid, dekVersion, createTimeMs, eraseTimeMs, ...rest } = receipt;
  const { sealedMessageCount, kekVersionName, wrappedSha256, reason } = rest;
  const [, project = '', , topicId = ''] = topicName.split('/');
  return {
    kind: 'system_event',
    project,
    serviceName: 'pubsub.googleapis.com',
    methodName: 'sealpost.v1.EraseDataEncryptionKey',
    resourceName: topicName,
    resource: { type: 'pubsub_topic', labels: { project_id: project, topic_id: topicId } },
    caller: { principalEmail: ownPrincipal },
    authorization: [],
    metadata: {
      '@type': 'type.googleapis.com/sealpost.v1.ErasureReceipt',
      dekId: `${topicUid}/${dekVersion}`,
      topic: topicName,
      kekVersion: kekVersionName,
      wrappedSha256,
      createTime: formatTimestamp(createTimeMs),
      eraseTime: formatTimestamp(eraseTimeMs),
      ...(sealedMessageCount === null ? {} : { sealedMessageCount }),
      ...(reason === undefined ? {} : { reason }),
      scope: erasureScope,
    },
  };
}

/** The begin and the end of a rewrap as entries of the audit log, under the key's project. */
export function rewrapJournal(audit: AuditWriter): RewrapJournal {
  return {
    began: async (task) => {
      await audit.append(rewrapEntry(task, 'activity', { state: 'started' }));
    },
    ended: async ({ state, moved, refused, error, ...task }) => {
      const outcome = { state, moved, refused, ...(error === null ? {} : { error: { ...error } }) };
      await audit.append(rewrapEntry(task, 'system_event', outcome));
    },
  };
}

function rewrapEntry(
  { from, to, startTimeMs }: RewrapTask,
  kind: AuditEntry['kind'],
  outcome: NonNullable<AuditEntry['metadata']>,
): AuditEntry {
  const [keyName = ''] = from.split('/cryptoKeyVersions/');
  const startTime = formatTimestamp(startTimeMs);
  return {
    kind,
    project: keyName.split('/')[1] ?? '',
    serviceName: 'cloudkms.googleapis.com',
    methodName: 'sealpost.v1.RewrapCryptoKey',
    resourceName: keyName,
    resource: keyResource(keyName),
    caller: { principalEmail: kind === 'activity' ? 'anonymous' : ownPrincipal },
    authorization: [],
    request: { '@type': 'type.googleapis.com/sealpost.v1.RewrapRequest', from, to, startTime },
    metadata: { '@type': 'type.googleapis.com/sealpost.v1.Rewrap', outcome },
  };
}

function keyResource(keyName: string): AuditResource {
  const [, project = '', , location = '', , ring = '', , key = ''] = keyName.split('/');
  const labels = { project_id: project, location, key_ring_id: ring, crypto_key_id: key };
  return { type: 'cloudkms_cryptokey', labels };
}
