import type { IncomingMessage } from 'node:http';

/**
 * The path and query of a request in origin form, or undefined if it has none that is clear. The
 * absolute form (RFC 9112, 3.2.2) must name the same host as `Host`, else two readers could see two.
 */
export function originForm({ url = '', method, headers }: IncomingMessage): string | undefined {
  if (url.startsWith('/')) return url;
  if (url === '*') return method === 'OPTIONS' ? url : undefined;
  const parts = /^http:\/\/([^/?#]+)(\/[^#]*|\?[^#]*)?$/i.exec(url);
  if (parts === null || parts[1]!.toLowerCase() !== headers.host?.toLowerCase()) return undefined;
  const rest = parts[2] ?? '/';
  return rest.startsWith('/') ? rest : `/${rest}`;
}
