import type { Metadata } from '@grpc/grpc-js';

import type { BrokerService } from '../../broker/index.ts';
import type { Clock, Entropy, Logger } from '../../runtime/index.ts';
import type { Access } from '../access/access.ts';
import type { KeyWatchSource } from '../key-watch.ts';
import type { CallObserver } from '../observer.ts';
import type { Posture } from '../posture.ts';
import type { UnsentAnswers } from '../unsent-answers.ts';

/** What every gRPC call needs of its surroundings. */
export interface GrpcContext {
  readonly broker: BrokerService;
  readonly posture: Posture;
  readonly access: Access;
  readonly observe: CallObserver;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly unsent: UnsentAnswers;
  /** Absent where no key service is served. */
  readonly keyWatch?: KeyWatchSource | undefined;
  /** What /readyz says. */
  readonly ready: () => boolean;
  /** Aborts when the server drains. */
  readonly draining: AbortSignal;
}

/** Refuses callers that the posture refuses; over gRPC, Host is `:authority`. */
export function checkCaller(
  posture: Posture,
  call: { getHost(): string; readonly metadata: Metadata },
): void {
  const first = (name: string): string | undefined => call.metadata.get(name)[0]?.toString();
  posture.check(call.getHost(), first('origin'), first('sec-fetch-site'));
}
