import type { AnyOption } from './options.ts';
import { flag, wholeNumber } from '../values.ts';

/** What the audit log records beside what it always does, and for how long. */
export const auditOptions: readonly AnyOption[] = [
  {
    field: 'auditRetentionDays',
    name: 'audit-retention-days',
    placeholder: 'DAYS',
    default: '400',
    limits: '1 to 3650',
    doc: 'How long audit entries of changes are kept: admin activity and system events.',
    parse: wholeNumber(1, 3_650),
  },
  {
    field: 'auditDataAccessDays',
    name: 'audit-data-access-days',
    placeholder: 'DAYS',
    default: '30',
    limits: '1 to 3650',
    doc: 'How long audit entries of uses and reads are kept: data access.',
    parse: wholeNumber(1, 3_650),
  },
  {
    field: 'auditPubsubReads',
    name: 'audit-pubsub-reads',
    default: 'false',
    limits: 'true or false',
    doc: 'Records reads of topics, subscriptions and snapshots as data access, too.',
    parse: flag,
  },
];
