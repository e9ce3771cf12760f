import type { Tally } from './flights.ts';
import type { FlightStream, GrpcClient } from './grpc-client.ts';
import type { ReceivedFlight } from './pubsub-wire.ts';

/** One subscription's end: takes all that comes, tallies it, acknowledges it. */
export class Receiver {
  readonly name: string;
  readonly tally: Tally;
  readonly #client: GrpcClient;
  readonly #subscription: string;
  #stream: FlightStream | undefined;

  constructor(client: GrpcClient, subscription: string, tally: Tally) {
    this.name = subscription.slice(subscription.lastIndexOf('/') + 1);
    this.tally = tally;
    this.#client = client;
    this.#subscription = subscription;
  }

  /** Opens a streaming pull; resolves with its status in words when it ended. */
  open(): Promise<string> {
    const stream = this.#client.stream(this.#subscription, `demo-${this.name}`, (received) => {
      this.take(received);
      if (received.length > 0) stream.acknowledge(received.map(({ ackId }) => ackId));
    });
    this.#stream = stream;
    return stream.ended;
  }

  take(received: readonly ReceivedFlight[]): void {
    for (const { row, data } of received) this.tally.add(row, data);
  }

  close(): void {
    this.#stream?.close();
  }
}
