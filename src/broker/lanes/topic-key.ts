import type { Dek, DekManager, SealedTopic } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { KeyHealth } from '../service.ts';

/** The key of one topic, as sealing needs it; remembers whether the last use was refused. */
export class TopicKey {
  /** The topic as the envelope knows it; always the same object, its key may change. */
  readonly topic: SealedTopic;
  readonly #deks: DekManager;
  #isUsable = true;

  constructor(topic: SealedTopic, deks: DekManager) {
    this.topic = topic;
    this.#deks = deks;
  }

  /** The CryptoKey's name; the service's own where the topic names none. */
  get name(): string {
    return this.#deks.keyNameOf(this.topic);
  }

  /** False if it was refused when it was last used; asks nobody. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** The DEK to seal with. Throws as DekManager does: FAILED_PRECONDITION if it may not be used. */
  forSeal(): Dek | Promise<Dek> {
    return this.#used(this.#deks.forSeal(this.topic));
  }

  /** The same for what is published. */
  forPublish(): Dek | Promise<Dek> {
    return this.#used(this.#deks.forPublish(this.topic));
  }

  #used(dek: Dek | Promise<Dek>): Dek | Promise<Dek> {
    if (dek instanceof Promise) return this.#noted(dek);
    this.#isUsable = true;
    return dek;
  }

  /** It was taken away: whoever uses it next will be refused. */
  revoked(): void {
    this.#isUsable = false;
  }

  /** Whether it can be used now, and the key service's own words if not. */
  health(): Promise<KeyHealth> {
    return this.healthBy(async () => void (await this.forSeal()));
  }

  /** The same of what `use` does with it; any error of that counts. */
  async healthBy(use: () => Promise<void>): Promise<KeyHealth> {
    const { name } = this;
    try {
      await use();
      return { name, isUsable: true };
    } catch (error) {
      const { reason, message } = RpcError.from(error);
      return { name, isUsable: false, reason, message };
    }
  }

  async #noted(pending: Promise<Dek>): Promise<Dek> {
    try {
      const dek = await pending;
      // It may have been taken away since.
      this.#isUsable = dek.isAlive;
      return dek;
    } catch (error) {
      this.#isUsable = false;
      throw error;
    }
  }
}
