import { Counter, Histogram, type Registry } from 'prom-client';
import { responseClass, type StatusCode } from '../rpc/index.ts';

const kmsSeconds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

/** Calls of the key service by the broker, by operation and outcome. Never a key's name. */
export class KmsMetrics {
  readonly #calls: Counter<'operation' | 'response_class' | 'response_code'>;
  readonly #seconds: Histogram<'operation'>;

  constructor(registry: Registry) {
    this.#calls = new Counter({
      name: 'sealpost_kms_request_count',
      help: 'Encrypt and Decrypt calls of the key service, by outcome.',
      labelNames: ['operation', 'response_class', 'response_code'],
      registers: [registry],
    });
    this.#seconds = new Histogram({
      name: 'sealpost_kms_seconds',
      help: 'One Encrypt or Decrypt call of the key service.',
      labelNames: ['operation'],
      buckets: kmsSeconds,
      registers: [registry],
    });
  }

  called(operation: 'encrypt' | 'decrypt', code: StatusCode, ms: number): void {
    this.#calls.inc({
      operation,
      response_class: responseClass(code),
      response_code: code === 'OK' ? 'success' : code.toLowerCase(),
    });
    this.#seconds.observe({ operation }, ms / 1000);
  }
}
