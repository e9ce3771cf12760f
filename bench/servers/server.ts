/** A server under measurement. */
export interface BenchServer {
  readonly name: ServerName;
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly port: number;
  stop(): Promise<void>;
}

export type ServerName = 'sealpost' | 'echo' | 'emulator' | 'nats' | 'redis';

/** The echo's other ports. */
export interface EchoServer extends BenchServer {
  readonly httpAddress: string;
  readonly webSocketAddress: string;
}

/** Thrown when a peer is not installed: its rows are then skipped by name. */
export class NotInstalled extends Error {
  override name = 'NotInstalled';
}
