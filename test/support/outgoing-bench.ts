import type { IncomingMessage, RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach } from 'vitest';

import {
  createOutgoingClient,
  OutgoingError,
  type OutgoingClient,
  type OutgoingClientOptions,
  type OutgoingFailure,
  type OutgoingRequest,
} from '../../src/outgoing/index.ts';
import { type Endpoint, openEndpoint, openRawEndpoint } from './endpoint.ts';
import { VirtualClock } from './virtual-clock.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

export type Given = Partial<Omit<OutgoingClientOptions, 'policy'>> & {
  readonly policy?: Partial<OutgoingClientOptions['policy']>;
};

export function open(given: Given = {}): { client: OutgoingClient; clock: VirtualClock } {
  const clock = new VirtualClock();
  const policy = { isLoopbackOnly: true, allow: [], ownListeners: () => [], ...given.policy };
  const client = createOutgoingClient({ clock, caFile: null, ...given, policy });
  closers.push(() => client.close());
  return { client, clock };
}

export async function serve(...given: Parameters<typeof openEndpoint>): Promise<Endpoint> {
  const endpoint = await openEndpoint(...given);
  closers.push(() => endpoint.close());
  return endpoint;
}

export async function speak(...given: Parameters<typeof openRawEndpoint>): Promise<Endpoint> {
  const endpoint = await openRawEndpoint(...given);
  closers.push(() => endpoint.close());
  return endpoint;
}

/** Answers each request's head with `text`, whatever its body. */
export const saying =
  (text: string) =>
  (socket: Socket): void => {
    socket.once('data', () => socket.write(text));
  };

export const agreeing: RequestListener = (request, response) => {
  request.resume().on('end', () => response.end('ok'));
};

export function requestTo(url: string, more: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return {
    url,
    method: 'POST',
    headers: {},
    body: Buffer.from('hello'),
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    responseBytesMax: 100,
    ...more,
  };
}

export const at = ({ port }: { port: number }, path = '/'): string =>
  `http://127.0.0.1:${port}${path}`;

export async function failureOf(sent: Promise<unknown>): Promise<[OutgoingFailure, string]> {
  const error: unknown = await sent.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof OutgoingError)) throw new Error(`no OutgoingError: ${String(error)}`);
  return [error.failure, error.message];
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export const textOf = ({ body }: { body: Uint8Array }): string => Buffer.from(body).toString();
