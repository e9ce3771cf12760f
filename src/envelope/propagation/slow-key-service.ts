import { wipe } from '../../crypto/index.ts';
import type {
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  KeyCaller,
  KeyChange,
  KeyService,
} from '../../kms/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Cancel, Clock, Entropy } from '../../runtime/index.ts';
import { touches } from '../deks/dek-topic.ts';
import { drawnDelayMs, propagationLimitsMs } from './propagation-limits.ts';

export interface SlowKeyServiceOptions {
  readonly keys: KeyService;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/** What one key has been seen to do. Times are monotonic. */
interface SeenKey {
  /** It did what was asked at least once. */
  hasWorked: boolean;
  /** The version that Encrypt used last. */
  primary: string | null;
  /** An older primary version goes on until then. */
  olderPrimary: { readonly name: string; readonly untilMs: number } | null;
  /** A change of a version's state counts from then on; until then it is as if nobody knew. */
  consistentAtMs: number;
  /** When the last such change was made. */
  changedMs: number;
  /** What was refused; null while the key works. */
  refusal: RpcError | null;
  /** From when on it works again; null until that is known. */
  resumesAtMs: number | null;
}

/**
 * A key service whose changes arrive as slowly as Google documents it, for rehearsals: none is
 * announced when it is made. It holds answers back, and never a plaintext: whatever it shows longer
 * than the key allows is what its caller still had.
 */
export class SlowKeyService implements KeyService {
  readonly #keys: KeyService;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #seen = new Map<string, SeenKey>();
  readonly #listeners = new Set<(change: KeyChange) => void>();
  readonly #timers = new Set<Cancel>();
  readonly #stopListening: () => void;

  constructor({ keys, clock, entropy }: SlowKeyServiceOptions) {
    this.#keys = keys;
    this.#clock = clock;
    this.#entropy = entropy;
    this.#stopListening = keys.onChange((change) => this.#changed(change));
  }

  get defaultKeyName(): string {
    return this.#keys.defaultKeyName;
  }

  async encrypt(request: EncryptRequest, caller: KeyCaller): Promise<EncryptResponse> {
    const key = this.#of(request.name);
    const older = key.olderPrimary;
    const isOlder = older !== null && this.#clock.monotonicMs() < older.untilMs;
    const name = isOlder ? older.name : request.name;
    const answer = await this.#asked(key, request.name, () =>
      this.#keys.encrypt({ ...request, name }, caller),
    );
    key.primary = answer.name;
    return answer;
  }

  async decrypt(request: DecryptRequest, caller: KeyCaller): Promise<DecryptResponse> {
    const key = this.#of(request.name);
    return await this.#asked(
      key,
      request.name,
      () => this.#keys.decrypt(request, caller),
      ({ plaintext }) => wipe(plaintext),
    );
  }

  pubsubServiceAgent(projectId: string): Promise<string> {
    return this.#keys.pubsubServiceAgent(projectId);
  }

  runServiceAgent(projectId: string): Promise<string> {
    return this.#keys.runServiceAgent(projectId);
  }

  onChange(listener: (change: KeyChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#stopListening();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  async #asked<Answer>(
    key: SeenKey,
    name: string,
    ask: () => Promise<Answer>,
    drop: (answer: Answer) => void = () => undefined,
  ): Promise<Answer> {
    let answer: Answer;
    try {
      answer = await ask();
    } catch (error) {
      throw this.#refused(key, RpcError.from(error));
    }
    const held = this.#heldBack(key, name);
    key.hasWorked = true;
    if (held === null) return answer;
    drop(answer);
    throw held;
  }

  /** A refusal, or, while the change behind it is not known everywhere, nothing about the key. */
  #refused(key: SeenKey, error: RpcError): RpcError {
    if (error.code !== 'FAILED_PRECONDITION' && error.code !== 'PERMISSION_DENIED') return error;
    if (key.refusal === null && this.#clock.monotonicMs() < key.consistentAtMs) {
      const text = 'The change of the key is not known here yet.';
      return new RpcError('UNAVAILABLE', 'KEY_CHANGE_PROPAGATING', text);
    }
    // One that never worked, such as before its first grant, is not restored later either.
    if (key.hasWorked) key.refusal = error;
    key.resumesAtMs = null;
    return error;
  }

  /** What a key that works again still answers, until its restoration has arrived. */
  #heldBack(key: SeenKey, name: string): RpcError | null {
    const { refusal } = key;
    if (refusal === null) return null;
    if (key.resumesAtMs === null) {
      key.resumesAtMs = key.changedMs + this.#drawn('delivery');
      this.#at(key.resumesAtMs, () => this.#tell({ resource: name, kind: 'versionState' }));
    }
    if (this.#clock.monotonicMs() < key.resumesAtMs) return refusal;
    key.refusal = null;
    key.resumesAtMs = null;
    return null;
  }

  #changed(change: KeyChange): void {
    if (change.kind === 'resync') this.#tell(change);
    else if (change.kind === 'iam') {
      this.#noteState(change, 0);
      this.#later('iam', () => this.#tell(change));
    } else if (change.kind === 'primary') this.#notePrimary(change);
    else this.#noteState(change, this.#drawn('consistency'));
  }

  #noteState({ resource }: KeyChange, consistencyMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [name, key] of this.#seen) {
      if (!touches(resource, name)) continue;
      key.changedMs = nowMs;
      key.consistentAtMs = nowMs + consistencyMs;
    }
  }

  #notePrimary(change: KeyChange): void {
    const delayMs = this.#drawn('primary');
    const untilMs = this.#clock.monotonicMs() + delayMs;
    for (const [name, key] of this.#seen) {
      if (!touches(change.resource, name) || key.primary === null) continue;
      key.olderPrimary = { name: key.primary, untilMs };
    }
    this.#at(untilMs, () => this.#tell(change));
  }

  #of(name: string): SeenKey {
    const known = this.#seen.get(name);
    if (known !== undefined) return known;
    const key: SeenKey = {
      hasWorked: false,
      primary: null,
      olderPrimary: null,
      consistentAtMs: -Infinity,
      changedMs: this.#clock.monotonicMs(),
      refusal: null,
      resumesAtMs: null,
    };
    this.#seen.set(name, key);
    return key;
  }

  #drawn(what: keyof typeof propagationLimitsMs): number {
    return drawnDelayMs(this.#entropy, propagationLimitsMs[what]);
  }

  #later(what: keyof typeof propagationLimitsMs, task: () => void): void {
    this.#at(this.#clock.monotonicMs() + this.#drawn(what), task);
  }

  #at(atMs: number, task: () => void): void {
    const cancel = this.#clock.schedule(atMs, () => {
      this.#timers.delete(cancel);
      task();
    });
    this.#timers.add(cancel);
  }

  #tell(change: KeyChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
