import { type ErrorDetail, RpcError } from '../../rpc/index.ts';
import { type Clock, TokenBuckets } from '../../runtime/index.ts';
import type { ProtectionLevel } from '../providers/key-provider.ts';

/** Protection levels whose uses are counted; SOFTWARE keys use no quota. */
export type CountedLevel = Exclude<ProtectionLevel, 'SOFTWARE'>;

/** Whose quota a use is charged to: the project that holds the key, in its location. */
export interface QuotaUse {
  readonly projectId: string;
  /** `global`, `us-central1`. */
  readonly location: string;
  readonly level: ProtectionLevel;
}

/** Told of each use that was counted. Must not throw, and must return at once. */
export interface QuotaObserver {
  /** `metric` is the quota metric without its service: `hsm_symmetric_requests`. */
  quotaUse(metric: string, isGranted: boolean): void;
}

export interface KeyQuotasOptions {
  /** Uses a second of one project and location; 0: no limit. */
  readonly perSecond: Readonly<Record<CountedLevel, number>>;
  readonly clock: Clock;
  /** The number of a project, which names it in the error. */
  readonly projectNumber: (projectId: string) => Promise<string>;
  readonly observer?: QuotaObserver;
}

interface Metric {
  readonly name: string;
  readonly limit: string;
}

const service = 'cloudkms.googleapis.com';
const metrics: Readonly<Record<CountedLevel, Metric>> = {
  HSM: {
    name: 'hsm_symmetric_requests',
    limit: 'HsmSymmetricRequestsPerMinutePerProjectPerRegion',
  },
  EXTERNAL: {
    name: 'external_kms_requests',
    limit: 'ExternalKmsRequestsPerMinutePerProjectPerRegion',
  },
};
/**
 * The quotas of Cloud KMS on keys that cost somebody something: per hosting project and location,
 * enforced by the second, though Google shows them by the minute.
 */
export class KeyQuotas {
  readonly #options: KeyQuotasOptions;
  readonly #buckets: Readonly<Record<CountedLevel, TokenBuckets>>;

  constructor(options: KeyQuotasOptions) {
    this.#options = options;
    const { HSM, EXTERNAL } = options.perSecond;
    this.#buckets = { HSM: new TokenBuckets(HSM), EXTERNAL: new TokenBuckets(EXTERNAL) };
  }

  /**
   * Counts one use; to be called after everything that can be refused without the key's provider.
   *
   * @throws RpcError RESOURCE_EXHAUSTED if there were too many just now
   */
  async take(use: QuotaUse): Promise<void> {
    const { level } = use;
    if (level === 'SOFTWARE') return;
    const { perSecond, projectNumber, observer } = this.#options;
    const isGranted = this.#isGranted(level, use, perSecond[level]);
    observer?.quotaUse(metrics[level].name, isGranted);
    if (isGranted) return;
    const number = await projectNumber(use.projectId);
    throw exhausted(number, use.location, metrics[level], perSecond[level]);
  }

  #isGranted(level: CountedLevel, { projectId, location }: QuotaUse, perSecond: number): boolean {
    if (perSecond === 0) return true;
    const nowMs = this.#options.clock.monotonicMs();
    return this.#buckets[level].of(`${location} ${projectId}`, nowMs).take(nowMs);
  }
}

function exhausted(
  number: string,
  location: string,
  { name, limit }: Metric,
  perSecond: number,
): RpcError {
  const metric = `${service}/${name}`;
  const perMinute = String(perSecond * 60);
  const subject = `project_number:${number}`;
  const message =
    `Quota exceeded for quota metric '${metric}' and limit '${limit}' of service '${service}' ` +
    `for consumer '${subject}'.`;
  const info: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: 'RATE_LIMIT_EXCEEDED',
    domain: 'googleapis.com',
    metadata: {
      service,
      consumer: `projects/${number}`,
      quota_metric: metric,
      quota_limit: limit,
      quota_limit_value: perMinute,
      quota_location: location,
    },
  };
  const failure: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
    violations: [
      {
        subject,
        description: message,
        apiService: service,
        quotaMetric: metric,
        quotaId: limit,
        quotaDimensions: { region: location },
        quotaValue: perMinute,
      },
    ],
  };
  return new RpcError('RESOURCE_EXHAUSTED', 'RATE_LIMIT_EXCEEDED', message, {
    details: [info, failure],
  });
}
