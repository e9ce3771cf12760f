import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from 'vitest';

import { at, open, saying, serve, speak } from '../../test/support/outgoing-bench.ts';
import { OutgoingError, type OutgoingClient } from './outgoing-client.ts';
import { createPushSender } from './push-sender.ts';

const idToken = (asked: { email: string; audience: string }): Promise<string> =>
  Promise.resolve(`token(${asked.email},${asked.audience})`);

function requestTo(endpoint: string, more: { headers?: Record<string, string> } = {}) {
  return {
    config: { endpoint },
    headers: {},
    body: Buffer.from('{}'),
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    ...more,
  };
}

/** Fails every request in the way that is given. */
const failing = (failure: Error): OutgoingClient => ({
  send: () => Promise.reject(failure),
  open: () => Promise.reject(failure),
  close: () => undefined,
});

describe('an answer of the endpoint', () => {
  test.each([
    [200, 'ack'],
    [201, 'ack'],
    [202, 'ack'],
    [204, 'ack'],
    [102, 'ack'],
    [203, 'invalid'],
    [205, 'invalid'],
    [206, 'invalid'],
    [301, 'invalid'],
    [307, 'invalid'],
    [399, 'invalid'],
    [400, 'remote_server_4xx'],
    [429, 'remote_server_4xx'],
    [500, 'remote_server_5xx'],
    [599, 'remote_server_5xx'],
    [600, 'invalid'],
  ])('%i is %s', async (status, responseClass) => {
    const outgoing = open().client;
    const text = `HTTP/1.1 ${status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`;
    const endpoint = await speak((socket) => void socket.once('data', () => socket.end(text)));
    const answer = await createPushSender({ outgoing, idToken }).send(requestTo(at(endpoint)));
    expect(answer).toEqual({
      responseClass,
      code: String(status),
      text: `The endpoint answered ${status}.`,
    });
  });

  test('says nothing of its body', async () => {
    const outgoing = open().client;
    const endpoint = await speak(saying('HTTP/1.1 500 X\r\ncontent-length: 6\r\n\r\nsecret'));
    const answer = await createPushSender({ outgoing, idToken }).send(requestTo(at(endpoint)));
    expect(JSON.stringify(answer)).not.toContain('secret');
  });
});

describe('a push', () => {
  test.each([
    ['', 'the URL of the endpoint'],
    ['me', 'me'],
  ])('with the audience %j carries a token for %s', async (audience, shown) => {
    const outgoing = open().client;
    const seen: IncomingHttpHeaders[] = [];
    const endpoint = await serve((request, response) => {
      seen.push(request.headers);
      response.writeHead(204).end();
    });
    const url = at(endpoint, '/push');
    const oidcToken = { serviceAccountEmail: 'a@b', audience };
    const request = {
      ...requestTo(url, { headers: { authorization: 'Bearer forged' } }),
      config: { endpoint: url, oidcToken },
    };
    expect((await createPushSender({ outgoing, idToken }).send(request)).code).toBe('204');
    const expected = shown === 'me' ? 'me' : url;
    expect(seen[0]?.authorization).toBe(`Bearer token(a@b,${expected})`);
  });

  test('leaves out what is no header rather than fail for ever', async () => {
    const outgoing = open().client;
    const seen: string[][] = [];
    const endpoint = await serve((request, response) => {
      seen.push(request.rawHeaders);
      response.end();
    });
    const headers = {
      good: '1',
      bad: 'a\r\nx-injected: 1',
      host: 'elsewhere',
      'transfer-encoding': 'chunked',
      'Content-Length': '0',
    };
    const sender = createPushSender({ outgoing, idToken });
    expect((await sender.send(requestTo(at(endpoint), { headers }))).code).toBe('200');
    expect(seen[0]).toEqual([
      'good',
      '1',
      'content-length',
      '2',
      'Host',
      `127.0.0.1:${endpoint.port}`,
      'Connection',
      'keep-alive',
    ]);
  });

  test.each([
    [new OutgoingError('timeout', 'T'), 'deadline_exceeded', 'deadline_exceeded'],
    [new OutgoingError('tls', 'T'), 'unreachable', 'tls_error'],
    [new OutgoingError('address refused', 'T'), 'unreachable', 'address_refused'],
    [new OutgoingError('request refused', 'T'), 'invalid', 'request_refused'],
    [new OutgoingError('malformed answer', 'T'), 'invalid', 'malformed_answer'],
    [new OutgoingError('aborted', 'T'), 'internal', 'aborted'],
    [new Error('revoked'), 'internal', 'aborted'],
    [unreachable('ECONNREFUSED'), 'unreachable', 'connection_refused'],
    [unreachable('ENOTFOUND'), 'unreachable', 'name_not_found'],
    [unreachable('EAI_AGAIN'), 'unreachable', 'name_not_found'],
    [unreachable('ETIMEDOUT'), 'unreachable', 'no_route'],
    [unreachable('EHOSTUNREACH'), 'unreachable', 'no_route'],
    [unreachable('ECONNRESET'), 'unreachable', 'connection_lost'],
    [unreachable('SOMETHING_NEW'), 'unreachable', 'connection_lost'],
  ])('that fails with %s is %s, %s', async (error, responseClass, code) => {
    const sender = createPushSender({ outgoing: failing(error), idToken });
    expect(await sender.send(requestTo('http://x/'))).toMatchObject({ responseClass, code });
  });

  test('whose token cannot be signed is not sent', async () => {
    const sender = createPushSender({
      outgoing: failing(new Error('nothing may be sent')),
      idToken: () => Promise.reject(new Error('disk')),
    });
    const config = { endpoint: 'http://x/', oidcToken: { serviceAccountEmail: 'a', audience: '' } };
    expect(await sender.send({ ...requestTo('http://x/'), config })).toEqual({
      responseClass: 'internal',
      code: 'token_error',
      text: 'The ID token for the endpoint could not be signed.',
    });
  });
});

function unreachable(code: string): OutgoingError {
  return new OutgoingError('unreachable', 'T', { cause: Object.assign(new Error('x'), { code }) });
}
