import { RpcError } from '../rpc/index.ts';

/** How a resource's fields may be changed by an update mask. Paths are snake_case. */
export interface MaskRules {
  /** `UpdateTopicRequest`, `Topic`: names as Google's texts have them. */
  readonly request: string;
  readonly resource: string;
  readonly mutable: readonly string[];
  readonly immutable: readonly string[];
  /** Fields that exist in the API and not yet here. */
  readonly unbuilt: readonly string[];
}

export const topicMask: MaskRules = {
  request: 'UpdateTopicRequest',
  resource: 'Topic',
  mutable: ['labels', 'kms_key_name', 'message_retention_duration'],
  immutable: ['name', 'tags', 'state', 'satisfies_pzs'],
  unbuilt: [
    'message_storage_policy',
    'schema_settings',
    'ingestion_data_source_settings',
    'message_transforms',
  ],
};

export const subscriptionMask: MaskRules = {
  request: 'UpdateSubscriptionRequest',
  resource: 'Subscription',
  mutable: [
    'labels',
    'ack_deadline_seconds',
    'retain_acked_messages',
    'message_retention_duration',
    'expiration_policy',
  ],
  immutable: [
    'name',
    'topic',
    'filter',
    'enable_message_ordering',
    'tags',
    'detached',
    'state',
    'topic_message_retention_duration',
    'analytics_hub_subscription_info',
  ],
  unbuilt: [
    'push_config',
    'bigquery_config',
    'cloud_storage_config',
    'bigtable_config',
    'dead_letter_policy',
    'retry_policy',
    'enable_exactly_once_delivery',
    'message_transforms',
  ],
};

/** The top-level fields that a mask names; throws unless each of them may be changed. */
export function checkMask(rules: MaskRules, paths: readonly string[]): Set<string> {
  if (paths.length === 0) {
    throw invalid(
      `The update_mask in the ${rules.request} must be set, and must contain a non-empty paths list.`,
    );
  }
  const fields = new Set(paths.map((path) => path.split('.')[0]!));
  for (const field of fields) checkField(rules, field);
  return fields;
}

function checkField(rules: MaskRules, field: string): void {
  if (rules.mutable.includes(field)) return;
  const prefix = `Invalid update_mask provided in the ${rules.request}:`;
  if (rules.immutable.includes(field)) {
    throw invalid(`${prefix} the '${field}' field in the ${rules.resource} is not mutable.`);
  }
  if (rules.unbuilt.includes(field)) {
    throw new RpcError(
      'UNIMPLEMENTED',
      'FIELD_UNIMPLEMENTED',
      `The field ${field} of ${rules.resource} is not implemented.`,
    );
  }
  throw invalid(
    `${prefix} ${field} is not a known ${rules.resource} field. Note that field paths must be of the form 'schema_settings' rather than 'schemaSettings'.`,
  );
}

const invalid = (message: string): RpcError =>
  new RpcError('INVALID_ARGUMENT', 'BAD_UPDATE_MASK', message);
