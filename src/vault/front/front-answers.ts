import type { ServerResponse } from 'node:http';

/** An answer of the front's own. Says no more of a service than Cloud Run would. */
export interface FrontAnswer {
  readonly status: number;
  readonly body: string;
  readonly type: string;
}

const text = 'text/plain; charset=utf-8';

export const answers: Readonly<
  Record<'notFound' | 'badRequest' | 'tooMany' | 'unavailable' | 'timeout', FrontAnswer>
> = {
  notFound: {
    status: 404,
    type: 'text/html; charset=utf-8',
    body: '<html><head><title>404 Page not found</title></head><body><h1>Error: Page not found</h1><h2>The requested URL was not found on this server.</h2></body></html>\n',
  },
  badRequest: { status: 400, type: text, body: 'Bad Request' },
  tooMany: { status: 429, type: text, body: 'Rate exceeded.' },
  unavailable: { status: 503, type: text, body: 'Service Unavailable' },
  timeout: { status: 504, type: text, body: 'upstream request timeout' },
};

/** Answers, and closes the connection if what is left of the request would stand in the way. */
export function answer(
  response: ServerResponse,
  { status, type, body }: FrontAnswer,
  mustClose: boolean,
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...(mustClose && { connection: 'close' }),
  });
  response.end(body);
}
