import {
  type DecryptRequest,
  type DecryptResponse,
  type EncryptRequest,
  type EncryptResponse,
  type KeyCaller,
  type KeyChange,
  KeyChanges,
  type KeyService,
} from '../kms/index.ts';
import { draw, type Clock, type Entropy, type Logger } from '../runtime/index.ts';
import { cloudKmsLook } from './cloud-kms-look.ts';
import { decryptOnce, encryptOnce } from './cipher-calls.ts';
import { GuardedCalls } from './guarded-calls.ts';
import { KeyWatchClient, type WatchClientState } from './key-watch-client.ts';
import { KmsChannel } from './kms-channel.ts';
import { type RemoteKmsObserver, silentRemoteKmsObserver } from './observer.ts';
import { ProjectNumbers } from './project-numbers.ts';
import { callDeadlineMs } from './remote-limits.ts';
import { UseReporter, type UseSource } from './use-reporter.ts';
import { VersionPoll } from './version-poll.ts';

/** A key service in another process, and what must be done with it beside asking. */
export interface RemoteKeyService extends KeyService {
  /** From now on the key service is told what depends on its versions, if it wants to know. */
  reportUses(source: UseSource): void;
  /** Lets calls under way end, takes no more, and closes the connection. */
  drain(): Promise<void>;
}

export interface RemoteKeyServiceOptions {
  /** `http://HOST:PORT` or `https://HOST[:PORT]`. */
  readonly endpoint: string;
  readonly caFile?: string | null;
  readonly tokenFile?: string | null;
  /** The key of topics that name none, if it is a remote one; else nothing may ask for it. */
  readonly defaultKeyName?: string | null;
  /** Project numbers by project id, for services that cannot be asked for them. */
  readonly projectNumbers?: ReadonlyMap<string, string>;
  /** For a call with all its tries; 1 second unless given. */
  readonly deadlineMs?: number;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer?: RemoteKmsObserver;
}

/**
 * Connects to a Cloud KMS or another Sealpost over the official gRPC API; nothing is asked for
 * until it is needed, and no metadata server is looked for.
 *
 * Throws if the certificates of `caFile` cannot be read.
 */
export function openRemoteKeyService(options: RemoteKeyServiceOptions): RemoteKeyService {
  const { clock, endpoint, caFile = null, tokenFile = null } = options;
  const channel = new KmsChannel({ endpoint, caFile, tokenFile, clock });
  const service = new GrpcKeyService(channel, options);
  service.start();
  return service;
}

class GrpcKeyService implements RemoteKeyService {
  readonly defaultKeyName: string;
  readonly #options: RemoteKeyServiceOptions;
  readonly #channel: KmsChannel;
  readonly #observer: RemoteKmsObserver;
  readonly #calls: GuardedCalls;
  readonly #projects: ProjectNumbers;
  readonly #listeners: KeyChanges;
  readonly #watcherId: string;
  readonly #watch: KeyWatchClient;
  readonly #poll: VersionPoll;
  #reporter: UseReporter | undefined;
  #watchState: WatchClientState = 'broken';

  constructor(channel: KmsChannel, options: RemoteKeyServiceOptions) {
    const { clock, entropy, log } = options;
    this.defaultKeyName = options.defaultKeyName ?? '';
    this.#options = options;
    this.#channel = channel;
    this.#observer = options.observer ?? silentRemoteKmsObserver;
    this.#calls = new GuardedCalls({
      clock,
      entropy,
      observer: this.#observer,
      deadlineMs: options.deadlineMs ?? callDeadlineMs,
    });
    this.#projects = new ProjectNumbers(channel, options.projectNumbers ?? new Map());
    this.#listeners = new KeyChanges(log);
    this.#watcherId = Buffer.from(draw(entropy, 16)).toString('hex');
    const onChange = (change: KeyChange): void => this.#changed(change);
    this.#poll = new VersionPoll({ look: cloudKmsLook(channel, log), clock, onChange });
    this.#watch = new KeyWatchClient({
      channel,
      clock,
      entropy,
      log,
      onChange,
      watcherId: this.#watcherId,
      onState: (state) => this.#watchIs(state),
    });
  }

  start(): void {
    this.#observer.watch('unheard');
    this.#watch.start();
  }

  async encrypt(request: EncryptRequest, caller: KeyCaller): Promise<EncryptResponse> {
    const answer = await this.#calls.run('Encrypt', request.name, (timeoutMs) =>
      encryptOnce(this.#channel, request, caller, timeoutMs),
    );
    this.#poll.used(answer.name);
    // Something is about to depend on the version that did not before.
    this.#reporter?.changed();
    return answer;
  }

  decrypt(request: DecryptRequest, caller: KeyCaller): Promise<DecryptResponse> {
    return this.#calls.run('Decrypt', request.name, (timeoutMs) =>
      decryptOnce(this.#channel, request, caller, timeoutMs),
    );
  }

  async pubsubServiceAgent(projectId: string): Promise<string> {
    const number = await this.#projects.numberOf(projectId);
    return `serviceAccount:service-${number}@gcp-sa-pubsub.iam.gserviceaccount.com`;
  }

  async runServiceAgent(projectId: string): Promise<string> {
    const number = await this.#projects.numberOf(projectId);
    return `serviceAccount:service-${number}@serverless-robot-prod.iam.gserviceaccount.com`;
  }

  onChange(listener: (change: KeyChange) => void): () => void {
    return this.#listeners.listen(listener);
  }

  reportUses(source: UseSource): void {
    this.#reporter?.stop();
    const { clock, log } = this.#options;
    const watcherId = this.#watcherId;
    this.#reporter = new UseReporter({ channel: this.#channel, watcherId, source, clock, log });
    if (this.#watchState === 'live') this.#reporter.start();
  }

  async drain(): Promise<void> {
    this.#watch.close();
    this.#poll.stop();
    this.#reporter?.stop();
    await this.#calls.drain();
    this.#channel.close();
  }

  #changed(change: KeyChange): void {
    this.#observer.change(change.kind);
    this.#listeners.announce(change);
  }

  #watchIs(state: WatchClientState): void {
    this.#watchState = state;
    if (state === 'live') this.#reporter?.start();
    else this.#reporter?.stop();
    if (state === 'absent') this.#poll.start();
    else this.#poll.stop();
    // It answers again: nobody waits for a breaker's time to run out.
    if (state !== 'broken') this.#calls.heard();
    this.#observer.watch(state === 'live' ? 'pushed' : state === 'absent' ? 'polled' : 'unheard');
  }
}
