import { constants, createHash, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

/** Where what TLS needs is kept: PEM files, read again when they change. */
export interface TlsFiles {
  /** Our certificate, then its issuers. */
  readonly cert: string;
  readonly key: string;
  /** Authorities of client certificates; null: none is asked for. */
  readonly clientCa: string | null;
  /** Revocation lists of those authorities. */
  readonly clientCrl: string | null;
  /** Whether a connection without a client certificate is refused. */
  readonly clientAuth: 'optional' | 'required';
}

/** What the files hold, checked: the key is that of the certificate. */
export interface TlsMaterial {
  readonly context: SecureContextOptions;
  /** The end of our own certificate: ms since the Unix epoch. */
  readonly expiresAtMs: number;
  /** Another one: whose client certificates are good may have changed. */
  readonly clientsId: string;
}

/** @throws Error for files that cannot be read, or do not fit together */
export function readTls({
  cert: certFile,
  key: keyFile,
  clientCa,
  clientCrl,
}: TlsFiles): TlsMaterial {
  const cert = readFileSync(certFile);
  const ca = clientCa === null ? undefined : readFileSync(clientCa);
  const crl = clientCrl === null ? undefined : readFileSync(clientCrl);
  const context: SecureContextOptions = {
    cert,
    key: readFileSync(keyFile),
    minVersion: 'TLSv1.3',
    ...(ca !== undefined && { ca }),
    ...(crl !== undefined && { crl }),
    // A ticket would bring back a client whose certificate was revoked since.
    ...(ca !== undefined && { secureOptions: constants.SSL_OP_NO_TICKET }),
  };
  createSecureContext(context);
  const clients = createHash('sha256');
  for (const part of [ca, crl]) clients.update(part ?? '').update('\0');
  return {
    context,
    expiresAtMs: new X509Certificate(cert).validToDate.getTime(),
    clientsId: clients.digest('hex'),
  };
}

/** Another one whenever one of the files is another. */
export function stampOf({ cert, key, clientCa, clientCrl }: TlsFiles): string {
  return [cert, key, clientCa, clientCrl].map(fileStamp).join(' ');
}

function fileStamp(path: string | null): string {
  if (path === null) return '-';
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    return `${ino}.${size}.${mtimeNs}`;
  } catch {
    return 'absent';
  }
}
