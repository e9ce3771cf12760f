import { RpcError } from '../../rpc/index.ts';
import type { Registry } from '../registry.ts';
import type { Topic } from '../service.ts';

/** For development: topics are made when they are first used, as everything that is new has them. */
export class AbsentTopics {
  readonly #registry: Registry;
  readonly #create: (topic: Topic) => Promise<Topic>;
  /** False, as it should be but for development: what is not there stays absent. */
  readonly #isOn: boolean;

  constructor(registry: Registry, isOn: boolean, create: (topic: Topic) => Promise<Topic>) {
    this.#registry = registry;
    this.#isOn = isOn;
    this.#create = create;
  }

  /** Whether `make` would do anything. */
  lacks(topic: string): boolean {
    return this.#isOn && !this.#registry.topics.has(topic);
  }

  /** @throws RpcError as CreateTopic does, but for a topic that another call has made meanwhile */
  async make(topic: string): Promise<void> {
    try {
      await this.#create({ name: topic, labels: {} });
      this.#registry.ports.log.info({ topic }, 'made a topic that was used (--auto-create-topics)');
    } catch (error) {
      if (RpcError.from(error).code !== 'ALREADY_EXISTS') throw error;
    }
  }
}
