import type {
  BrokerService,
  PushStatus,
  SubscriptionDiagnosis,
  TopicDiagnosis,
} from '../../broker/index.ts';
import type { JsonValue } from '../json.ts';
import type { Route } from '../route.ts';

/** What the server says about itself: versions of the package and of Node. */
export interface ServerAbout {
  readonly version: string;
  readonly node: string;
}

const service = 'sealpost.v1.Diagnosis';

/**
 * Why a topic or subscription moves or stands still, as `sealpost doctor` tells it. Reads only, and
 * holds no message. NOT_FOUND as of GetTopic and GetSubscription.
 */
export function diagnoseRoutes(
  broker: Pick<BrokerService, 'diagnoseTopic' | 'diagnoseSubscription'>,
  about: ServerAbout,
): Route[] {
  return [
    {
      rpc: `${service}.GetServer`,
      method: 'GET',
      template: '/sealpost/v1/server',
      handle: () => ({ version: about.version, node: about.node }),
    },
    {
      rpc: `${service}.DiagnoseTopic`,
      method: 'GET',
      template: '/sealpost/v1/{name=projects/*/topics/*}:diagnose',
      handle: async ({ params }) => topicView(await broker.diagnoseTopic(params['name']!)),
    },
    {
      rpc: `${service}.DiagnoseSubscription`,
      method: 'GET',
      template: '/sealpost/v1/{name=projects/*/subscriptions/*}:diagnose',
      handle: async ({ params }) =>
        subscriptionView(await broker.diagnoseSubscription(params['name']!)),
    },
  ];
}

function topicView(diagnosis: TopicDiagnosis): JsonValue {
  const { topic, subscriptionCount } = diagnosis;
  return { topic, subscriptionCount, ...keyAndFindings(diagnosis) };
}

function subscriptionView(diagnosis: SubscriptionDiagnosis): JsonValue {
  const { oldestUnackedAgeSeconds, push } = diagnosis;
  return {
    subscription: diagnosis.subscription,
    topic: diagnosis.topic,
    unackedCount: diagnosis.unackedCount,
    // JSON has no word for what the disk cannot tell.
    ...(Number.isNaN(oldestUnackedAgeSeconds) ? {} : { oldestUnackedAgeSeconds }),
    outstandingCount: diagnosis.outstandingCount,
    streamCount: diagnosis.streamCount,
    heldStreamCount: diagnosis.heldStreamCount,
    ...keyAndFindings(diagnosis),
    ...(push === null ? {} : { push: pushView(push) }),
  };
}

function keyAndFindings({ key, findings }: Pick<SubscriptionDiagnosis, 'key' | 'findings'>): {
  [name: string]: JsonValue;
} {
  return {
    ...(key === null ? {} : { key: keyView(key) }),
    findings: findings.map((each) => ({
      severity: each.severity,
      reason: each.reason,
      message: each.message,
    })),
  };
}

function keyView({ name, isUsable, reason, message }: TopicDiagnosis['key']): JsonValue {
  return {
    name,
    isUsable,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}

function pushView(push: PushStatus): JsonValue {
  const { endpoint, window, outstandingCount, backoffMs, stalledBy, lastFailure } = push;
  return {
    endpoint,
    window,
    outstandingCount,
    backoffMs,
    ...(stalledBy === null ? {} : { stalledBy: { ...stalledBy } }),
    ...(lastFailure === null ? {} : { lastFailure: { ...lastFailure } }),
  };
}
