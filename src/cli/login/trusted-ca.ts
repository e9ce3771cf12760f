import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import { usageError } from '../command/command-error.ts';

const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Trusts a server whose certificate was issued by one of a PEM file, beside those known anyway. */
export function trustCa(path: string): void {
  const found = textOf(path).match(certificate) ?? [];
  if (found.length === 0) throw usageError(`${path} holds no certificate in PEM.`);
  setDefaultCACertificates([...getCACertificates('default'), ...found]);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usageError(`The file of certificates ${path} cannot be read (${code ?? 'unknown'}).`);
  }
}
