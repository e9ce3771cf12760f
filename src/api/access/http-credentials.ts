import type { IncomingMessage } from 'node:http';

import type { PresentedCredentials } from '../../identity/index.ts';
import { callerIpOf } from '../method.ts';
import { credentialsRefused } from './credentials-refused.ts';
import { peerCertificate } from './peer-certificate.ts';

/** Headers that say who calls. Two of one are refused: who reads the first is not who reads both. */
const secretHeaders: readonly string[] = ['authorization', 'x-goog-api-key'];

/**
 * What an HTTP request shows of its caller; `queryKeys` are those of its query.
 *
 * @throws RpcError UNAUTHENTICATED for what is said twice
 */
export function httpCredentials(
  request: IncomingMessage,
  queryKeys: readonly string[],
): PresentedCredentials {
  refuseRepeated(request.rawHeaders);
  const { authorization, 'x-goog-api-key': headerKey } = request.headers;
  const keys = [...(typeof headerKey === 'string' ? [headerKey] : []), ...queryKeys];
  if (keys.length > 1) throw credentialsRefused();
  const { socket } = request;
  return {
    authorization,
    apiKey: keys[0],
    certificate: peerCertificate(socket),
    address: callerIpOf(socket.remoteAddress),
  };
}

/** Whether a request shows anything at all. */
export function hasCredentials(presented: PresentedCredentials): boolean {
  const { authorization, apiKey, certificate } = presented;
  return (authorization ?? apiKey ?? certificate) !== undefined;
}

/** Node keeps the first of two headers, and joins others with commas. */
function refuseRepeated(rawHeaders: readonly string[]): void {
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (!secretHeaders.includes(name)) continue;
    if (seen.has(name)) throw credentialsRefused();
    seen.add(name);
  }
}

/** A query without the API keys in it, which no handler, error or log may see. */
export interface KeylessQuery {
  readonly rest: string;
  readonly apiKeys: readonly string[];
}

const noKeys: readonly string[] = [];

/** `key`, as Google's APIs take it, by either of its names. */
export function withoutApiKeys(query: string): KeylessQuery {
  // An escaped name is one, too.
  if (!query.includes('key') && !query.includes('%')) return { rest: query, apiKeys: noKeys };
  const params = new URLSearchParams(query);
  const apiKeys = [...params.getAll('key'), ...params.getAll('$key')];
  if (apiKeys.length === 0) return { rest: query, apiKeys: noKeys };
  params.delete('key');
  params.delete('$key');
  return { rest: params.toString(), apiKeys };
}
