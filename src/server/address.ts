import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';

import type { ServerConfig } from '../config/index.ts';

/** Where the API can be called: known only once it listens, when the system chooses the port. */
export interface Address {
  port: number;
  /** Such as `http://127.0.0.1:8085`. */
  url: string;
}

type Named = Pick<ServerConfig, 'hosts' | 'publicHosts' | 'tlsCert'>;

/** What is listened on, and no address that anybody could call. */
const wildcards: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/**
 * The URL by which clients call a server on `port`: by the first host, if that is an address that
 * the certificate names, too; else by the first public name, else by the loopback.
 */
export function ownUrl(port: number, config: Named): string {
  const { hosts, publicHosts, tlsCert } = config;
  const [first = '127.0.0.1'] = hosts;
  const local = wildcards[first] ?? first;
  const names = [...(local === first ? [first] : []), ...publicHosts, local, 'localhost'];
  const isNamed = tlsCert === null ? () => true : namesOf(tlsCert);
  const host = names.find(isNamed) ?? publicHosts[0] ?? local;
  const scheme = tlsCert === null ? 'http' : 'https';
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Whether a certificate is of a host. */
function namesOf(path: string): (host: string) => boolean {
  const certificate = new X509Certificate(readFileSync(path));
  return (host) =>
    (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}
