import { accessOptions } from './options/access-options.ts';
import { ConfigError } from './config-error.ts';
import type { ServerConfig } from './server-config.ts';
import { isLoopback } from './values.ts';

/** @throws ConfigError where who may call, and how, is said by halves, or says nothing */
export function refuseAccess(config: ServerConfig): void {
  const complaint =
    tlsComplaint(config) ?? authenticationComplaint(config) ?? listenerComplaint(config);
  if (complaint !== null) throw new ConfigError(complaint);
}

function tlsComplaint(config: ServerConfig): string | null {
  const { tlsCert, tlsKey, tlsClientCa, tlsClientCrl, tlsClientAuth } = config;
  if ((tlsCert === null) !== (tlsKey === null)) return '--tls-cert and --tls-key go together.';
  if (tlsClientCa !== null && tlsCert === null) {
    return '--tls-client-ca says nothing without --tls-cert.';
  }
  if (tlsClientCa !== null) return null;
  if (tlsClientCrl !== null) return '--tls-client-crl says nothing without --tls-client-ca.';
  return tlsClientAuth === 'required'
    ? '--tls-client-auth required says nothing without --tls-client-ca.'
    : null;
}

/** What says who callers are is of no use where nobody is asked. */
function authenticationComplaint(config: ServerConfig): string | null {
  const { authentication, oidcIssuers, oidcAudiences, autoCreateTopics } = config;
  if (authentication === 'required') {
    if (autoCreateTopics) {
      return '--auto-create-topics is for development: it goes without --authentication required.';
    }
    return issuerComplaint(oidcIssuers.length, oidcAudiences.length);
  }
  const named = ['admins', 'oidcIssuers', 'oidcAudiences', 'oidcCa', 'tlsClientCa'] as const;
  const stray = named.find((field) => isNamed(config[field]));
  if (stray === undefined) return null;
  const { name } = accessOptions.find(({ field }) => field === stray)!;
  return `--${name} says nothing without --authentication required.`;
}

const isNamed = (value: string | readonly unknown[] | null): boolean =>
  value !== null && value.length > 0;

function issuerComplaint(issuerCount: number, audienceCount: number): string | null {
  if (issuerCount > 0 && audienceCount === 0) {
    return '--oidc-issuer needs --oidc-audience: a token that is meant for others opens nothing here.';
  }
  return issuerCount === 0 && audienceCount > 0
    ? '--oidc-audience says nothing without --oidc-issuer.'
    : null;
}

function listenerComplaint(config: ServerConfig): string | null {
  const { hosts, insecure, tlsCert, authentication } = config;
  const open = hosts.find((host) => !isLoopback(host));
  if (open === undefined || insecure) return null;
  if (tlsCert !== null && authentication === 'required') return null;
  const lacks = [
    ...(tlsCert === null ? ['TLS (--tls-cert)'] : []),
    ...(authentication === 'off' ? ['authentication (--authentication required)'] : []),
  ].join(' and ');
  return (
    `--host ${open} is reachable from other machines, and this server would have no ${lacks}: ` +
    'anyone who reaches it could read, publish and use the keys. Listen on loopback, add what ' +
    'is missing, or say --insecure if something else protects that network.'
  );
}
