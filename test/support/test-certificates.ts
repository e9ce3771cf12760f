import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = 'openssl';

export const hasOpenssl: boolean = spawnSync(program, ['version']).status === 0;

export interface TestCertificates {
  /** The authority's certificate, PEM. */
  readonly caFile: string;
  /** A server's, signed by it, for `endpoint.test` and 127.0.0.1. */
  readonly key: string;
  readonly cert: string;
}

/** An authority of this run's own and one certificate, made by openssl. */
export function makeTestCertificates(): TestCertificates {
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-certificates-'));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync(program, args, { stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const ca = ['-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '36500', '-subj', '/CN=test'];
  openssl('req', '-x509', ...newKey, ...ca);
  const own = ['-keyout', at('own.key'), '-out', at('own.csr'), '-subj', '/CN=endpoint.test'];
  openssl('req', ...newKey, ...own);
  writeFileSync(at('names'), 'subjectAltName=DNS:endpoint.test,IP:127.0.0.1');
  const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '36500'];
  openssl(
    'x509',
    '-req',
    '-in',
    at('own.csr'),
    ...by,
    '-out',
    at('own.pem'),
    '-extfile',
    at('names'),
  );
  const read = (name: string): string => readFileSync(at(name), 'utf8');
  return { caFile: at('ca.pem'), key: read('own.key'), cert: read('own.pem') };
}
