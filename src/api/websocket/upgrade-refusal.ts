import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import { statusTable } from '../../rpc/index.ts';
import { errorBody, toWireError } from '../error-mapping.ts';
import { errorDomain } from './session-requests.ts';

/** Answers an upgrade with an error as REST answers it, and closes. Returns the HTTP status. */
export function refuseUpgrade(
  socket: Duplex,
  thrown: unknown,
  headers: readonly string[] = [],
): number {
  const error = toWireError(thrown, errorDomain);
  const { http } = statusTable[error.code];
  const body = `${JSON.stringify(errorBody(error), null, 2)}\n`;
  const head = [
    `HTTP/1.1 ${http} ${STATUS_CODES[http] ?? ''}`,
    'content-type: application/json; charset=UTF-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...headers,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
  return http;
}
