import { type ErrorDetail, RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { ProtectionLevel } from '../providers/key-provider.ts';
import { TokenBucket } from './token-bucket.ts';

/** Protection levels whose uses are counted; SOFTWARE keys use no quota. */
export type CountedLevel = Exclude<ProtectionLevel, 'SOFTWARE'>;

/** Whose quota a use is charged to: the project that holds the key, in its location. */
export interface QuotaUse {
  readonly project: string;
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
  /** The number of a project, which names it in the error; asked at a project's first use. */
  readonly projectNumber: (projectId: string) => Promise<string>;
  readonly observer?: QuotaObserver;
}

interface Metric {
  readonly name: string;
  readonly limit: string;
}

interface Account {
  readonly bucket: TokenBucket;
  /** Of the project; null while it is not known. */
  number: string | null;
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
/** Accounts with full buckets are forgotten from so many on: they are as good as new ones. */
const accountsMax = 1_000;

/**
 * The quotas of Cloud KMS on keys that cost somebody something: per hosting project and location,
 * enforced by the second, though Google shows them by the minute.
 */
export class KeyQuotas {
  readonly #options: KeyQuotasOptions;
  readonly #accounts: Map<string, Account> = new Map();

  constructor(options: KeyQuotasOptions) {
    this.#options = options;
  }

  /**
   * Counts one use; to be called after everything that can be refused without the key's provider.
   *
   * @throws RpcError RESOURCE_EXHAUSTED if there were too many just now
   */
  take(use: QuotaUse): void {
    const { level } = use;
    if (level === 'SOFTWARE') return;
    const perSecond = this.#options.perSecond[level];
    const account = this.#accountOf(use, perSecond);
    const isGranted = perSecond === 0 || account.bucket.take(this.#options.clock.monotonicMs());
    this.#options.observer?.quotaUse(metrics[level].name, isGranted);
    if (!isGranted) throw exhausted(use, metrics[level], perSecond, account.number);
  }

  #accountOf(use: QuotaUse, perSecond: number): Account {
    const name = `${use.level} ${use.location} ${use.project}`;
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#accounts.size >= accountsMax) this.#forgetFull(nowMs);
    const account: Account = { bucket: new TokenBucket(perSecond, nowMs), number: null };
    this.#accounts.set(name, account);
    void this.#learnNumber(account, use.project);
    return account;
  }

  /** Never rejects: without its number the project is named by its id. */
  async #learnNumber(account: Account, project: string): Promise<void> {
    try {
      account.number = await this.#options.projectNumber(project);
    } catch {
      account.number = null;
    }
  }

  #forgetFull(nowMs: number): void {
    for (const [name, { bucket }] of this.#accounts) {
      if (bucket.isFull(nowMs)) this.#accounts.delete(name);
    }
  }
}

function exhausted(
  { project, location }: QuotaUse,
  { name, limit }: Metric,
  perSecond: number,
  number: string | null,
): RpcError {
  const metric = `${service}/${name}`;
  const perMinute = String(perSecond * 60);
  const subject = number === null ? `project:${project}` : `project_number:${number}`;
  const message =
    `Quota exceeded for quota metric '${metric}' and limit '${limit}' of service '${service}' ` +
    `for consumer '${subject}'.`;
  const info: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: 'RATE_LIMIT_EXCEEDED',
    domain: 'googleapis.com',
    metadata: {
      service,
      consumer: `projects/${number ?? project}`,
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
