import type { Message } from '@bufbuild/protobuf';

import { rateExceeded } from '../broker/index.ts';
import { parseProjectName } from '../rpc/index.ts';
import { TokenBuckets, type Clock } from '../runtime/index.ts';
import { textAt } from './audit/pubsub-entry.ts';
import { pubsubOperations } from './audit/pubsub-operations.ts';
import type { ApiMethod } from './method.ts';

const metric = 'pubsub.googleapis.com/administrator';
const projectsKept = 1_000;

/**
 * Pub/Sub's quota on administrative calls, by the minute, of each project: all methods of topics,
 * subscriptions, snapshots and schemas, but for those that move messages. A minute's calls may come
 * at once; what is refused counts as nothing. What the process asks of itself is not counted.
 */
export class AdministratorQuota {
  readonly #clock: Clock;
  readonly #buckets: TokenBuckets | null;

  /** `perMinute`: calls in one project; 0 sets no limit. */
  constructor(perMinute: number, clock: Clock) {
    this.#clock = clock;
    const perSecond = perMinute / 60;
    this.#buckets = perMinute === 0 ? null : new TokenBuckets(perSecond, projectsKept, perMinute);
  }

  /**
   * The same methods, which throw RESOURCE_EXHAUSTED with a RetryInfo while the project of what they
   * are about has made too many calls.
   */
  limited(methods: readonly ApiMethod[]): ApiMethod[] {
    if (this.#buckets === null) return [...methods];
    return methods.map((method) => {
      const operation = pubsubOperations[method.desc.name];
      if (operation === undefined) return method;
      return {
        ...method,
        call: async (request, call) => {
          if (call.isOwn !== true) this.#count(request, operation.field);
          return await method.call(request, call);
        },
      };
    });
  }

  #count(request: Message, field: string): void {
    const parent = textAt(request, field).split('/').slice(0, 2).join('/');
    const project = parseProjectName(parent);
    // The method refuses a name that is none.
    if (project === undefined || this.#buckets === null) return;
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#buckets.of(project, nowMs);
    if (bucket.take(nowMs)) return;
    throw rateExceeded(metric, 'per minute per project', project, bucket.tokenMs(nowMs));
  }
}
