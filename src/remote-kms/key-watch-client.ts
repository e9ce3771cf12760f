import { create } from '@bufbuild/protobuf';

import type { KeyChange } from '../kms/index.ts';
import {
  KeyChanged_Kind,
  KeyWatch,
  WatchRequestSchema,
  type KeyChanged,
} from '../proto/sealpost/v1/key_watch_pb.ts';
import { RpcError } from '../rpc/index.ts';
import { backoffMs, type Cancel, type Clock, type Entropy, type Logger } from '../runtime/index.ts';
import { jittered } from './call-attempts.ts';
import type { KmsChannel } from './kms-channel.ts';
import { watchBackoffMs, watchRecheckMs, watchSilenceMs } from './remote-limits.ts';

export interface KeyWatchClientOptions {
  readonly channel: Pick<KmsChannel, 'serverStream'>;
  readonly watcherId: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly onChange: (change: KeyChange) => void;
  readonly onState: (state: WatchClientState) => void;
}

export type WatchClientState =
  /** Changes arrive as they happen. */
  | 'live'
  /** There is no stream now; it is being opened. */
  | 'broken'
  /** The other side has no such service: it is no Sealpost. */
  | 'absent';

const kinds: ReadonlyMap<KeyChanged_Kind, KeyChange['kind']> = new Map([
  [KeyChanged_Kind.RESYNC, 'resync'],
  [KeyChanged_Kind.VERSION_STATE, 'versionState'],
  [KeyChanged_Kind.PRIMARY, 'primary'],
  [KeyChanged_Kind.IAM, 'iam'],
]);

/**
 * The broker's end of KeyWatch.Watch. A stream that ends, or says nothing for three heartbeats, is
 * opened again; its first message is RESYNC, so that what was missed is asked for anew.
 */
export class KeyWatchClient {
  readonly #options: KeyWatchClientOptions;
  #state: WatchClientState = 'broken';
  #stream: AbortController | undefined;
  #silence: Cancel = () => undefined;
  #next: Cancel = () => undefined;
  #failures = 0;
  #isClosed = false;

  constructor(options: KeyWatchClientOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#open();
  }

  close(): void {
    this.#isClosed = true;
    this.#next();
    this.#stream?.abort();
  }

  async #open(): Promise<void> {
    const { channel, watcherId } = this.#options;
    this.#stream = new AbortController();
    this.#listen(this.#stream);
    let error: RpcError | undefined;
    try {
      const request = create(WatchRequestSchema, { watcherId });
      const take = (message: KeyChanged): void => this.#take(message);
      await channel.serverStream(KeyWatch.method.watch, request, take, this.#stream.signal);
    } catch (thrown) {
      error = RpcError.from(thrown);
    }
    this.#silence();
    if (!this.#isClosed) this.#ended(error);
  }

  #take(message: KeyChanged): void {
    if (this.#isClosed || this.#stream === undefined) return;
    this.#listen(this.#stream);
    this.#failures = 0;
    this.#enter('live');
    const kind = kinds.get(message.kind);
    if (kind !== undefined) this.#options.onChange({ kind, resource: message.resource });
  }

  #ended(error: RpcError | undefined): void {
    const isAbsent = error?.code === 'UNIMPLEMENTED';
    this.#failures++;
    this.#enter(isAbsent ? 'absent' : 'broken', error);
    const waitMs = isAbsent
      ? watchRecheckMs
      : jittered(this.#options.entropy, backoffMs(watchBackoffMs, this.#failures));
    this.#next = this.#after(waitMs, () => void this.#open());
  }

  /** Starts the time anew within which something must be heard. */
  #listen(stream: AbortController): void {
    this.#silence();
    this.#silence = this.#after(watchSilenceMs, () => stream.abort());
  }

  #enter(state: WatchClientState, error?: RpcError): void {
    if (state === this.#state && this.#failures !== 1) return;
    const isNew = state !== this.#state;
    this.#state = state;
    if (isNew) this.#options.onState(state);
    const { log } = this.#options;
    if (state === 'live') {
      if (isNew) log.info({}, 'changes of keys arrive from the key service as they happen');
    } else if (state === 'absent') {
      if (isNew) log.info({}, 'the key service does not push changes: versions in use are polled');
    } else {
      const why = error === undefined ? 'it ended' : `${error.code}: ${error.message}`;
      log.warn({ why }, 'changes of keys are not heard of: the watch is broken');
    }
  }

  #after(ms: number, task: () => void): Cancel {
    const { clock } = this.#options;
    return clock.schedule(clock.monotonicMs() + ms, task);
  }
}
