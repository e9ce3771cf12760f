import { afterAll, beforeAll, chai } from 'vitest';

import { SystemClock } from '../../src/runtime/index.ts';
import { LiveServer } from './live-server.ts';

/** What a case that any server of Pub/Sub could be put to knows of the one it runs against. */
export interface TestedServer {
  readonly url: string;
  /** Host and port, as gRPC clients take it. */
  readonly address: string;
  /** Ends the names of projects: a server that stays has resources of earlier runs. */
  readonly projectSuffix: string;
  readonly clock: { wallMs(): number };
  /** Lets so much of the server's time pass. */
  pass(ms: number): Promise<void>;
  /** Stops it in order and starts it with the same data. */
  restart(): Promise<void>;
  /** Its Prometheus metrics. */
  metrics(): Promise<string>;
}

/** A case asked for what only our own server lets a test do: that is no difference. */
export class NotComparable extends Error {
  override name = 'NotComparable';
}

/** Longer waits than this are not worth it, as time cannot be made to jump elsewhere. */
const waitMsMax = Number(process.env['CONFORMANCE_WAIT_SECONDS'] ?? '25') * 1000;

/** A server that runs already, and that knows nothing of being tested. */
class OtherServer implements TestedServer {
  readonly address: string;
  readonly projectSuffix: string;
  readonly clock: SystemClock = new SystemClock();

  constructor(address: string) {
    this.address = address;
    this.projectSuffix = `-${process.pid}-${Math.trunc(this.clock.wallMs())}`;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  async pass(ms: number): Promise<void> {
    if (ms > waitMsMax) throw new NotComparable(`it would take ${ms / 1000} s`);
    await new Promise<void>((resolve) => {
      this.clock.schedule(this.clock.monotonicMs() + ms, resolve);
    });
  }

  async restart(): Promise<void> {
    throw new NotComparable('the server is not ours to restart');
  }

  async metrics(): Promise<string> {
    throw new NotComparable('it has no metrics');
  }
}

/**
 * The server for all tests of the calling file: a new one of ours, or the one at
 * CONFORMANCE_ENDPOINT, which `npm run conformance` sets, as it does CONFORMANCE_WAIT_SECONDS.
 */
export function useTestedServer(more: readonly string[] = []): TestedServer {
  const endpoint = process.env['CONFORMANCE_ENDPOINT'] ?? '';
  if (endpoint !== '') {
    // What differs is told whole.
    chai.config.truncateThreshold = 0;
    return new OtherServer(endpoint);
  }
  const server = new LiveServer(more);
  beforeAll(() => server.start());
  afterAll(() => server.remove());
  return server;
}
