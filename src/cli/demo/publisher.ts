import type { GrpcClient } from './grpc-client.ts';
import type { FlightMessage } from './pubsub-wire.ts';
import type { RestClient } from './rest-client.ts';

const batchCount = 500;
const inFlightMax = 6;

/** Sends rows of the data set in batches, one over gRPC, the next over REST, six at a time. */
export class Publisher {
  readonly #grpc: GrpcClient;
  readonly #rest: RestClient;
  readonly #topic: string;
  readonly #records: readonly Buffer[];
  #grpcCount = 0;
  #restCount = 0;

  constructor(grpc: GrpcClient, rest: RestClient, topic: string, records: readonly Buffer[]) {
    this.#grpc = grpc;
    this.#rest = rest;
    this.#topic = topic;
    this.#records = records;
  }

  /** Messages whose publish was answered over gRPC. */
  get grpcCount(): number {
    return this.#grpcCount;
  }

  get restCount(): number {
    return this.#restCount;
  }

  get count(): number {
    return this.#grpcCount + this.#restCount;
  }

  /** Publishes rows `from` to `to`, the latter not included. Throws the first refusal. */
  async send(from: number, to: number): Promise<void> {
    let next = from;
    let isGrpc = true;
    const work = async (): Promise<void> => {
      while (next < to) {
        const start = next;
        const useGrpc = isGrpc;
        next = Math.min(to, start + batchCount);
        isGrpc = !isGrpc;
        await (useGrpc ? this.sendGrpc(start, next) : this.sendRest(start, next));
      }
    };
    await Promise.all(Array.from({ length: inFlightMax }, work));
  }

  async sendGrpc(from: number, to: number): Promise<void> {
    await this.#grpc.publish(this.#topic, this.#messages(from, to));
    this.#grpcCount += to - from;
  }

  async sendRest(from: number, to: number): Promise<void> {
    const messages = this.#messages(from, to).map(({ row, data }) => ({
      data: Buffer.from(data).toString('base64'),
      attributes: { row: String(row) },
    }));
    await this.#rest.call('POST', `${this.#topic}:publish`, { messages });
    this.#restCount += to - from;
  }

  #messages(from: number, to: number): FlightMessage[] {
    return this.#records.slice(from, to).map((data, n) => ({ row: from + n, data }));
  }
}
