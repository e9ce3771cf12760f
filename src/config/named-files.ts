import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { ConfigError } from './config-error.ts';
import type { ServerConfig } from './server-config.ts';

/**
 * Reads the files that a server needs from its start, before anything is made. Pipes are left to
 * who uses them, since they can be read once only.
 *
 * @throws ConfigError if one cannot be read or holds something else
 */
export function requireNamedFiles(config: ServerConfig): void {
  requireAuthorities('--outgoing-ca', config.outgoingCa);
  requireAuthorities('--ekm-ca', config.ekmCa);
  requireAuthorities('--kms-ca', config.kmsCa);
  requireAuthorities('--registry-ca', config.registryCa);
  requireAuthorities('--oidc-ca', config.oidcCa);
  requireAuthorities('--tls-client-ca', config.tlsClientCa);
  requireAuthorities('--tls-cert', config.tlsCert);
  for (const option of readable) contentOf(`--${option.name}`, config[option.field]);
  requireCredentials('--registry-auth-file', config.registryAuthFile);
  const token = contentOf('--kms-token-file', config.kmsTokenFile);
  if (token?.trim() === '')
    throw new ConfigError(`--kms-token-file ${config.kmsTokenFile} is empty.`);
}

/** What is in these is checked by who uses it. */
const readable = [
  { name: 'tls-key', field: 'tlsKey' },
  { name: 'tls-client-crl', field: 'tlsClientCrl' },
  { name: 'config', field: 'resourcesFile' },
] as const;

const certificates = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^]*?-----END [^-]*-----/g;

function requireAuthorities(option: string, path: string | null): void {
  const text = contentOf(option, path);
  if (text === null) return;
  const found = text.match(certificates) ?? [];
  if (found.length > 0 && found.every(isCertificate)) return;
  throw new ConfigError(`${option} ${path} is no PEM file of certificates.`);
}

function requireCredentials(option: string, path: string | null): void {
  const text = contentOf(option, path);
  if (text === null || hasAuths(text)) return;
  throw new ConfigError(`${option} ${path} is no JSON object with "auths".`);
}

function hasAuths(text: string): boolean {
  try {
    const parsed = JSON.parse(text) as { auths?: unknown } | null;
    return typeof parsed?.auths === 'object' && parsed.auths !== null;
  } catch {
    return false;
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem) instanceof X509Certificate;
  } catch {
    return false;
  }
}

/** A file's text; null if there is none to look at. */
function contentOf(option: string, path: string | null): string | null {
  if (path === null) return null;
  try {
    const stat = statSync(path);
    return stat.isFile() || stat.isDirectory() ? readFileSync(path, 'utf8') : null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${option} ${path} cannot be read: ${reasons[code ?? ''] ?? code}.`);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'access is denied',
};
