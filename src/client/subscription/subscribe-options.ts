import { whole } from '../options.ts';
import { badArgument } from '../sealpost-error.ts';
import type { SubscribeRequest } from '../wire/frame.ts';

export interface SubscribeOptions {
  /** 10 to 600; the subscription's own unless given, 10 on an ephemeral one. */
  readonly ackDeadlineSeconds?: number;
  /** Messages delivered and not settled; at most 10,000, and 1,000 unless given. */
  readonly maxOutstandingMessages?: number;
  /** Their bytes; 16 MiB unless given. */
  readonly maxOutstandingBytes?: number;
  /** How long a lease is extended by itself; 0: never; 60 minutes unless given. */
  readonly extendMs?: number;
  /** Ends the iteration, as `close` does. */
  readonly signal?: AbortSignal;
}

export interface SubscribeSettings {
  readonly request: SubscribeRequest;
  readonly extendMs: number;
}

/** Throws SealpostError on a bad name, and RangeError on a number that no server would take. */
export function subscribeSettings(source: string, options: SubscribeOptions): SubscribeSettings {
  const collection = /^projects\/[^/]+\/(topics|subscriptions)\/[^/]+$/.exec(source)?.[1];
  if (collection === undefined) {
    const message = `Neither projects/P/subscriptions/S nor projects/P/topics/T: ${source}.`;
    throw badArgument('BAD_NAME', message);
  }
  const { ackDeadlineSeconds, maxOutstandingMessages = 1_000 } = options;
  return {
    request: {
      subscription: collection === 'subscriptions' ? source : '',
      topic: collection === 'topics' ? source : '',
      ackDeadlineSeconds:
        ackDeadlineSeconds === undefined
          ? 0
          : whole('ackDeadlineSeconds', ackDeadlineSeconds, 10, 600),
      maxOutstandingMessages: whole('maxOutstandingMessages', maxOutstandingMessages, 1, 10_000),
      maxOutstandingBytes: whole('maxOutstandingBytes', options.maxOutstandingBytes ?? 2 ** 24, 1),
    },
    extendMs: whole('extendMs', options.extendMs ?? 3_600_000, 0),
  };
}
