import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** The way in to services: requests whose Host is a service's. */
export interface ServiceFront {
  /** True if requests for this Host are not the API's: any `*.localhost` but the API's own names. */
  claims(host: string | undefined): boolean;
  /** Answers 404, 503 and the like by itself. */
  serve(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Takes no more requests; resolves when those in flight are done or `graceMs` has passed. */
  drain(graceMs: number): Promise<void>;
}

/** What the front must know of services; told by them. */
export interface FrontTarget {
  /** `hello`, or `hello-123456789012.us-central1`: what stands before `.localhost`. */
  readonly hostPrefix: string;
  readonly project: string;
  readonly location: string;
  readonly serviceId: string;
  /** Revisions in order, percents together 100; empty: nothing serves. */
  readonly traffic: readonly {
    readonly revisionId: string;
    readonly percent: number;
    readonly tag?: string;
  }[];
}
