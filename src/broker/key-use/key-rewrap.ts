import type { StoredDek } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Cancel } from '../../runtime/index.ts';
import type { Registry } from '../registry.ts';
import type { TopicState } from '../topic-state.ts';
import { RewrapCount, type RewrapProgress, type RewrapTask } from './rewrap-progress.ts';

/** Between two rows, so that a rewrap leaves an HSM's and an external key manager's quota alone. */
const pauseMs = 20;
/** Waits while the key service cannot be reached: from the first, doubling, to the second. */
const retryMs = { first: 1_000, longest: 60_000 } as const;
/** So often the rows are gone through, should the primary version change all the while. */
const passesMax = 10;

/**
 * Moves the DEKs that a key wraps to its primary version, or to another key's, one row after the
 * other. Says how far it is; ends at the end, at `stop`, or if a storage refuses.
 */
export class KeyRewrap {
  readonly task: RewrapTask;
  readonly #registry: Registry;
  readonly #count: RewrapCount;
  #primary: string | null = null;
  #hasPrimaryChanged = false;
  #isStopped = false;
  #endPause: () => void = () => undefined;
  #cancelPause: Cancel = () => undefined;

  constructor(registry: Registry, task: RewrapTask) {
    this.#registry = registry;
    this.task = task;
    this.#count = new RewrapCount(task);
  }

  get progress(): RewrapProgress {
    return this.#count.progress;
  }

  /** True when it came to its end, whether or not every row could be moved. */
  async run(): Promise<boolean> {
    try {
      for (let pass = 0; pass < passesMax && (await this.#pass()); pass++);
      if (this.#isStopped) return false;
      this.#count.end();
      return true;
    } catch (error) {
      this.#count.fail(RpcError.from(error));
      return true;
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelPause();
    this.#endPause();
  }

  /** True if the primary version changed meanwhile, so that some rows must move once more. */
  async #pass(): Promise<boolean> {
    const { deks } = this.#registry.ports;
    const isAtHome = ({ kekVersionName }: StoredDek): boolean => kekVersionName === this.#primary;
    const rows = (await deks.wrappedBy(this.task.from)).filter((row) => !isAtHome(row));
    const topics = new Map(this.#topics().map((topic) => [topic.row.uid, topic]));
    const found = rows.flatMap((row) => {
      const topic = topics.get(Buffer.from(row.topicUid).toString('hex'));
      return topic === undefined ? [] : [{ topic, version: row.version }];
    });
    this.#count.begin(found.map(({ topic }) => topic.row.name));
    this.#hasPrimaryChanged = false;
    for (const { topic, version } of found) {
      await this.#move(topic, version);
      if (this.#isStopped) return false;
    }
    return this.#hasPrimaryChanged;
  }

  #topics(): TopicState[] {
    const { topics, deletedTopics } = this.#registry;
    return [...topics.values(), ...deletedTopics.values()];
  }

  /** A row that is refused stays as it is, and the next one's turn comes. */
  async #move(topic: TopicState, version: number): Promise<void> {
    const order = { keyName: this.task.to, from: this.task.from };
    for (let attempt = 0; !this.#isStopped; attempt++) {
      try {
        const { deks } = this.#registry.ports;
        const asked = { ...order, primary: this.#primary };
        const { outcome, primary } = await deks.rewrap(topic.key.topic, version, asked);
        this.#learn(primary);
        this.#count.done(topic.row.name, outcome === 'moved');
        return await this.#pause(primary === null ? 0 : pauseMs);
      } catch (error) {
        const refusal = RpcError.from(error);
        if (refusal.reason !== 'KMS_UNREACHABLE') {
          this.#count.refused(topic.row.name, refusal);
          return await this.#pause(pauseMs);
        }
        this.#count.waiting(refusal);
        await this.#pause(Math.min(retryMs.first * 2 ** attempt, retryMs.longest));
      }
    }
  }

  #learn(primary: string | null): void {
    if (primary === null || primary === this.#primary) return;
    this.#hasPrimaryChanged = this.#primary !== null;
    this.#primary = primary;
  }

  async #pause(ms: number): Promise<void> {
    if (ms === 0 || this.#isStopped) return;
    const { clock } = this.#registry.ports;
    await new Promise<void>((resolve) => {
      this.#endPause = resolve;
      this.#cancelPause = clock.schedule(clock.monotonicMs() + ms, resolve);
    });
  }
}
