import { onTestFinished } from 'vitest';

import type { KeyCaller, KeyChange } from '../../src/kms/index.ts';
import {
  openRemoteKeyService,
  type RemoteKeyService,
  type RemoteKeyServiceOptions,
  type RemoteKmsObserver,
} from '../../src/remote-kms/index.ts';
import { RpcError } from '../../src/rpc/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { KmsServer } from './kms-server.ts';
import { SeededEntropy } from './seeded-entropy.ts';
import { VirtualClock } from './virtual-clock.ts';

type Told = readonly [event: string, ...unknown[]];

/** What a remote key service told its observer, and how to wait for more of it. */
export class RemoteEvents {
  readonly told: Told[] = [];
  #wake: (() => void)[] = [];

  readonly observer: RemoteKmsObserver = {
    call: (operation, code) => this.#add('call', operation, code),
    retried: (operation, code) => this.#add('retried', operation, code),
    corrupted: (operation) => this.#add('corrupted', operation),
    openBreakers: (count) => this.#add('openBreakers', count),
    watch: (state) => this.#add('watch', state),
    change: (kind) => this.#add('change', kind),
  };

  count(...event: Told): number {
    return this.told.filter((each) => event.every((part, i) => each[i] === part)).length;
  }

  /** Resolves once it was told so many times. */
  async until(count: number, ...event: Told): Promise<void> {
    while (this.count(...event) < count) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #add(...event: Told): void {
    this.told.push(event);
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** A key service on a real socket, and one that reaches it, on a clock that the test moves. */
export interface RemoteKmsBench {
  readonly server: KmsServer;
  readonly service: RemoteKeyService;
  readonly clock: VirtualClock;
  readonly events: RemoteEvents;
  readonly changes: KeyChange[];
}

export const remoteKeyName: string = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';

export const agent: KeyCaller = {
  member: 'serviceAccount:service-7@gcp-sa-pubsub.iam.gserviceaccount.com',
  reason: 'CUSTOMER_INITIATED_ACCESS',
  resource: 'projects/p/topics/t',
};

/** Everything of it ends with the test. `prepare` sees the server before anyone has asked it. */
export async function openRemoteKmsBench(
  more: Partial<RemoteKeyServiceOptions> = {},
  prepare: (server: KmsServer) => void = () => undefined,
): Promise<RemoteKmsBench> {
  const server = new KmsServer();
  prepare(server);
  await server.start();
  const clock = new VirtualClock();
  const events = new RemoteEvents();
  const service = openRemoteKeyService({
    endpoint: server.url,
    clock,
    entropy: new SeededEntropy(3),
    log: silentLogger,
    observer: events.observer,
    ...more,
  });
  const changes: KeyChange[] = [];
  service.onChange((change) => changes.push(change));
  onTestFinished(async () => {
    await service.drain();
    server.stop();
  });
  return { server, service, clock, events, changes };
}

/** What a promise was rejected with. */
export async function refusalOf(promise: Promise<unknown>): Promise<RpcError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}
