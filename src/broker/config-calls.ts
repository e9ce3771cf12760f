import { RpcError, type StatusCode } from '../rpc/index.ts';
import type { BrokerObserver, ConfigOperation } from './observer.ts';

/** Tells the observer how each change of a resource ended. */
export class ConfigCalls {
  readonly #observer: BrokerObserver;

  constructor(observer: BrokerObserver) {
    this.#observer = observer;
  }

  async topic<Result>(
    operation: ConfigOperation,
    name: string,
    run: () => Promise<Result>,
  ): Promise<Result> {
    return await told(run, (code) => this.#observer.topicConfig(name, operation, code));
  }

  async subscription<Result>(
    operation: ConfigOperation,
    name: string,
    run: () => Promise<Result>,
  ): Promise<Result> {
    return await told(run, (code) => this.#observer.subscriptionConfig(name, operation, code));
  }

  async snapshot<Result>(
    operation: ConfigOperation,
    name: string,
    run: () => Promise<Result>,
  ): Promise<Result> {
    return await told(run, (code) => this.#observer.snapshotConfig(name, operation, code));
  }
}

async function told<Result>(
  run: () => Promise<Result>,
  tell: (code: StatusCode) => void,
): Promise<Result> {
  try {
    const result = await run();
    tell('OK');
    return result;
  } catch (error) {
    tell(RpcError.from(error).code);
    throw error;
  }
}
