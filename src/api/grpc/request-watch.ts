import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';

import { status } from '@grpc/grpc-js';

import type { Clock } from '../../runtime/index.ts';
import { budgetMessage, type RequestBudget } from '../request-budget.ts';

/** How long a request's bytes may take to arrive, and what of them may be held. */
export interface RequestWatchOptions {
  readonly requestTimeoutMs: number;
  readonly budget: RequestBudget;
  readonly clock: Clock;
  /** Paths whose requests never end by themselves: streaming methods. */
  readonly streamingPaths: ReadonlySet<string>;
}

/** Ends HTTP/2 streams whose request does not arrive whole in time: grpc-js waits for ever. */
export class RequestWatch {
  readonly #options: RequestWatchOptions;

  constructor(options: RequestWatchOptions) {
    this.#options = options;
  }

  /** Before grpc-js sees the stream. */
  watch(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { budget, clock, requestTimeoutMs, streamingPaths } = this.#options;
    if (streamingPaths.has(String(headers[':path']))) return;
    const cancel = clock.schedule(clock.monotonicMs() + requestTimeoutMs, () =>
      refuse(stream, status.DEADLINE_EXCEEDED, 'The request did not arrive in time.'),
    );
    stream.once('end', cancel).once('close', cancel);
    budget.follow(stream, stream, () => refuse(stream, status.RESOURCE_EXHAUSTED, budgetMessage));
  }
}

/** A status without answer, then a reset: what is still to come is not wanted. */
function refuse(stream: ServerHttp2Stream, code: status, message: string): void {
  if (stream.destroyed || stream.closed) return;
  if (!stream.headersSent) {
    const trailers = { 'grpc-status': code, 'grpc-message': encodeURI(message) };
    const head = { ':status': 200, 'content-type': 'application/grpc+proto', ...trailers };
    stream.respond(head, { endStream: true });
  }
  stream.close();
}
