import { percentiles, rateBy, rateOf, type Dashboard, type Row } from './panel.ts';

const refused = 'response_code="failed_precondition"';

const standing: Row = {
  title: 'What stands still because of a key',
  panels: [
    {
      title: 'Topics without a usable key',
      description: 'Neither publish nor delivery works there; acks, retention and deletes do.',
      kind: 'stat',
      unit: 'none',
      width: 6,
      thresholds: [[1, 'red']],
      queries: [['count(sealpost_topic_key_usable == 0) or vector(0)']],
    },
    {
      title: 'Push subscriptions that stand still',
      description: 'State RESOURCE_ERROR; sealpost doctor says why.',
      kind: 'stat',
      unit: 'none',
      width: 6,
      thresholds: [[1, 'red']],
      queries: [
        [
          'count(pubsub_subscription_export_push_subscription_details{subscription_state="resource_error"}) or vector(0)',
        ],
      ],
    },
    {
      title: 'DEKs in memory',
      description: 'Unwrapped keys of topics in use; each is dead after seven minutes.',
      kind: 'stat',
      unit: 'none',
      width: 6,
      queries: [['sum(sealpost_dek_cached)']],
    },
    {
      title: 'Plaintext in memory',
      description: 'Opened segments and unsent deliveries. Revocation drops all of it.',
      kind: 'stat',
      unit: 'bytes',
      width: 6,
      queries: [['sum(sealpost_plaintext_bytes)']],
    },
    {
      title: 'Keys of topics',
      description: 'Each topic, its key, and whether the key could be used when last asked.',
      kind: 'table',
      unit: 'none',
      width: 24,
      columns: [['usable', 'bool_yes_no']],
      queries: [['min by (project_id, topic_id, kms_key_name) (sealpost_topic_key_usable)']],
    },
    {
      title: 'Waiting for a key',
      description: 'Age of the oldest message of each subscription whose key cannot be used.',
      unit: 's',
      width: 12,
      queries: [
        [
          'pubsub_subscription_oldest_unacked_message_age ' +
            'and on (instance, project_id, subscription_id) (sealpost_subscription_key_usable == 0)',
          '{{subscription_id}}',
        ],
      ],
    },
    {
      title: 'Messages that wait for a key',
      description: 'They are kept until their retention ends, and delivered when the key is back.',
      unit: 'short',
      width: 12,
      queries: [
        [
          'pubsub_subscription_num_undelivered_messages ' +
            'and on (instance, project_id, subscription_id) (sealpost_subscription_key_usable == 0)',
          '{{subscription_id}}',
        ],
      ],
    },
    {
      title: 'Push that stands still',
      description: 'Push subscriptions that deliver nothing, by what is wrong with the key.',
      unit: 'short',
      width: 24,
      queries: [['sum by (reason) (sealpost_subscription_push_stalled)', '{{reason}}']],
    },
    {
      title: 'Refused because of a key',
      description: 'Publishes by topic; pulls and streams by subscription.',
      unit: 'reqps',
      width: 24,
      queries: [
        [
          rateBy('topic_id', `pubsub_topic_send_request_count{${refused}}`),
          'publish to {{topic_id}}',
        ],
        [
          rateBy('subscription_id', `pubsub_subscription_pull_request_count{${refused}}`),
          'pull of {{subscription_id}}',
        ],
        [
          rateBy(
            'subscription_id',
            `pubsub_subscription_streaming_pull_response_count{${refused}}`,
          ),
          'stream of {{subscription_id}}',
        ],
      ],
    },
  ],
};

const deks: Row = {
  title: 'Data encryption keys',
  panels: [
    {
      title: 'Calls to wrap and unwrap',
      description: 'decrypt that is refused: revoked key, or missing permission.',
      unit: 'reqps',
      queries: [
        [
          rateBy('operation, response_code', 'sealpost_dek_kms_requests_total'),
          '{{operation}} {{response_code}}',
        ],
      ],
    },
    {
      title: 'Time of those calls',
      description: 'The key service as the broker sees it.',
      unit: 's',
      queries: percentiles('sealpost_dek_kms_seconds'),
    },
    {
      title: 'From a wrapped DEK to a checked one',
      description: 'What the first message after a pause waits for.',
      unit: 's',
      queries: percentiles('sealpost_dek_unwrap_seconds'),
    },
    {
      title: 'DEKs that left memory',
      description:
        'keyChange and refused: a key was revoked. unreachable: the key service is away.',
      unit: 'cps',
      queries: [[rateBy('cause', 'sealpost_dek_evictions_total'), '{{cause}}']],
    },
  ],
};

const kms: Row = {
  title: 'Embedded key service',
  panels: [
    {
      title: 'Calls answered',
      description: 'By operation and outcome, whoever called.',
      unit: 'reqps',
      queries: [
        [
          rateBy('operation, response_code', 'sealpost_kms_requests_total'),
          '{{operation}} {{response_code}}',
        ],
      ],
    },
    {
      title: 'Time of a call',
      description: 'Inside the process.',
      unit: 's',
      queries: percentiles('sealpost_kms_seconds'),
    },
    {
      title: 'Uses of HSM and EXTERNAL keys',
      description: 'refused: more in a second than the quota of the project and location.',
      unit: 'reqps',
      queries: [
        [
          rateBy('quota_metric, outcome', 'sealpost_kms_quota_requests_total'),
          '{{quota_metric}} {{outcome}}',
        ],
      ],
    },
    {
      title: 'Calls of external key managers',
      description: 'Any outcome but OK is the error domain of Cloud EKM.',
      unit: 'reqps',
      queries: [
        [rateBy('operation, outcome', 'sealpost_ekm_requests_total'), '{{operation}} {{outcome}}'],
      ],
    },
    {
      title: 'Time of a call of an external key manager',
      description: 'What a cold DEK under an EXTERNAL key waits for.',
      unit: 's',
      queries: percentiles('sealpost_ekm_seconds'),
    },
  ],
};

const audit: Row = {
  title: 'Audit log',
  panels: [
    {
      title: 'Entries written',
      description: 'Durable before their calls are answered.',
      unit: 'cps',
      queries: [[rateBy('kind', 'sealpost_audit_entries_total'), '{{kind}}']],
    },
    {
      title: 'Bytes written',
      description: 'Of sealed entries, as they are stored.',
      unit: 'Bps',
      queries: [[rateBy('kind', 'sealpost_audit_bytes_total'), '{{kind}}']],
    },
    {
      title: 'Time of a group of entries',
      description: 'Until they and the anchor are durable.',
      unit: 's',
      queries: percentiles('sealpost_audit_commit_seconds'),
    },
    {
      title: 'Failures',
      description: 'What is not recorded is refused; a missing anchor is made up for.',
      unit: 'cps',
      queries: [
        [rateBy('kind', 'sealpost_audit_failures_total'), '{{kind}}'],
        [rateOf('sealpost_audit_anchor_failures_total'), 'anchor'],
      ],
    },
  ],
};

const remote: Row = {
  title: 'Key service in another process',
  panels: [
    {
      title: 'Changes of keys are heard of',
      description: 'pushed: revocation within a second. polled or unheard: when a cached key ends.',
      kind: 'stat',
      unit: 'none',
      width: 6,
      queries: [['max by (state) (sealpost_remote_kms_watch)', '{{state}}']],
    },
    {
      title: 'Keys that are not asked for',
      description: 'Calls for them failed five times in a row; one at a time is tried again.',
      kind: 'stat',
      unit: 'none',
      width: 6,
      thresholds: [[1, 'red']],
      queries: [['sum(sealpost_remote_kms_open_breakers)']],
    },
    {
      title: 'Calls to the other process',
      description: 'As the broker sees them, each with its retries.',
      unit: 'reqps',
      width: 12,
      queries: [
        [
          rateBy('operation, response_code', 'sealpost_remote_kms_requests_total'),
          '{{operation}} {{response_code}}',
        ],
      ],
    },
    {
      title: 'Time of a call to the other process',
      description: 'At most the deadline of one second.',
      unit: 's',
      width: 12,
      queries: percentiles('sealpost_remote_kms_seconds'),
    },
    {
      title: 'Retries, corruption and changes',
      description: 'A corrupted answer is asked for once more, and never used.',
      unit: 'cps',
      width: 12,
      queries: [
        [rateBy('operation, code', 'sealpost_remote_kms_retries_total'), 'retry after {{code}}'],
        [rateBy('operation', 'sealpost_remote_kms_corrupted_total'), 'corrupted {{operation}}'],
        [rateBy('kind', 'sealpost_remote_kms_changes_total'), 'change {{kind}}'],
      ],
    },
  ],
};

const sealing: Row = {
  title: 'Sealing and opening',
  panels: [
    {
      title: 'Messages sealed and opened',
      description: 'Opened above sealed: several subscriptions, or redelivery.',
      unit: 'cps',
      queries: [
        [rateOf('sealpost_sealed_messages_total'), 'sealed'],
        [rateOf('sealpost_opened_messages_total'), 'opened'],
      ],
    },
    {
      title: 'Bytes sealed and opened',
      description: 'Plaintext bytes a second.',
      unit: 'Bps',
      queries: [
        [rateOf('sealpost_sealed_bytes_total'), 'sealed'],
        [rateOf('sealpost_opened_bytes_total'), 'opened'],
      ],
    },
    {
      title: 'Time to seal a segment',
      description: 'A segment is what one commit carries for one topic.',
      unit: 's',
      queries: percentiles('sealpost_seal_seconds'),
    },
    {
      title: 'Time to open a segment',
      description: 'Tags are checked before any byte is used.',
      unit: 's',
      queries: percentiles('sealpost_open_seconds'),
    },
  ],
};

export const keysDashboard: Dashboard = {
  uid: 'sealpost-keys',
  title: 'Sealpost: keys',
  description: 'Key service, data encryption keys, and what stands still because of a key.',
  variables: [],
  rows: [standing, deks, kms, remote, audit, sealing],
};
