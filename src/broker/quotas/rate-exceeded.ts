import { RpcError } from '../../rpc/index.ts';

/**
 * Google's sentence for a rate that is used up, and when to come again. `metric` names the quota,
 * `unit` what its limit counts by.
 */
export function rateExceeded(
  metric: string,
  unit: string,
  project: string,
  waitMs: number,
): RpcError {
  const limit = `${metric.slice(metric.indexOf('/') + 1)} ${unit}`;
  const message =
    `Quota exceeded for quota metric '${metric}' and limit '${limit}' of service ` +
    `'pubsub.googleapis.com' for consumer 'project:${project}'.`;
  const retryDelay = `${(waitMs / 1_000).toFixed(3)}s`;
  return new RpcError('RESOURCE_EXHAUSTED', 'RATE_LIMIT_EXCEEDED', message, {
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'RATE_LIMIT_EXCEEDED',
        domain: 'googleapis.com',
        metadata: {
          service: 'pubsub.googleapis.com',
          consumer: `projects/${project}`,
          quota_metric: metric,
          quota_limit: limit,
        },
      },
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay },
    ],
  });
}
