import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import type { Clock } from '../../runtime/index.ts';
import {
  decodeReceived,
  encodeAcks,
  encodeOpenStream,
  encodePublish,
  type FlightMessage,
  type ReceivedFlight,
} from './pubsub-wire.ts';
import { Refusal } from './refusal.ts';

const bytesMax = 32 * 1024 * 1024;
const requestMsMax = 30_000;
const asIs = (bytes: Buffer): Buffer => bytes;

/** A streaming pull that was opened. */
export interface FlightStream {
  acknowledge(ackIds: readonly string[]): void;
  /** The status in words, once the server or `close` ended it. */
  readonly ended: Promise<string>;
  close(): void;
}

/** Publish and StreamingPull over gRPC, with the demo's own small codec. */
export class GrpcClient {
  readonly #client: Client;
  readonly #clock: Clock;

  constructor(address: string, clock: Clock) {
    this.#clock = clock;
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': bytesMax,
      'grpc-node.flow_control_window': 4 * 1024 * 1024,
    });
  }

  publish(topic: string, messages: readonly FlightMessage[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        '/google.pubsub.v1.Publisher/Publish',
        asIs,
        asIs,
        encodePublish(topic, messages),
        new Metadata(),
        { deadline: this.#clock.wallMs() + requestMsMax },
        (error) => (error ? reject(new Refusal(inWords(error))) : resolve()),
      );
    });
  }

  stream(
    subscription: string,
    clientId: string,
    take: (received: readonly ReceivedFlight[]) => void,
  ): FlightStream {
    const call = this.#client.makeBidiStreamRequest(
      '/google.pubsub.v1.Subscriber/StreamingPull',
      asIs,
      asIs,
    );
    const ended = Promise.withResolvers<string>();
    call.on('data', (bytes: Buffer) => take(decodeReceived(bytes)));
    call.on('error', (error: ServiceError) => ended.resolve(inWords(error)));
    call.on('end', () => ended.resolve('OK'));
    call.write(encodeOpenStream(subscription, clientId));
    return {
      acknowledge: (ackIds) => void call.write(encodeAcks(ackIds)),
      ended: ended.promise,
      close: () => call.cancel(),
    };
  }

  close(): void {
    this.#client.close();
  }
}

/** `9 FAILED_PRECONDITION: …`, as gRPC clients print it. */
function inWords({ code, details }: ServiceError): string {
  return `${String(code)} ${status[code] ?? 'UNKNOWN'}: ${details}`;
}
