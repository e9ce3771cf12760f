import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface IssuedCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** An authority of a test's own, which issues and revokes; made by openssl. */
export class TlsAuthority {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'sealpost-authority-'));
  readonly caFile: string;
  #count = 0;

  constructor() {
    this.caFile = this.at('ca.pem');
    writeFileSync(this.at('index.txt'), '');
    writeFileSync(this.at('crlnumber'), '01\n');
    writeFileSync(this.at('ca.cnf'), this.#settings());
    const own = ['-keyout', this.at('ca.key'), '-out', this.caFile, '-days', '36500'];
    this.#openssl('req', '-x509', ...newKey, ...own, '-subj', '/CN=test authority');
  }

  get ca(): Buffer {
    return readFileSync(this.caFile);
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  /** `names` as openssl writes them: `DNS:localhost,IP:127.0.0.1`; `subject` such as `/CN=a`. */
  issue(subject: string, names: string, days = 36_500): IssuedCertificate {
    const stem = this.at(`issued-${++this.#count}`);
    const [keyFile, csr, certFile] = [`${stem}.key`, `${stem}.csr`, `${stem}.pem`];
    this.#openssl('req', ...newKey, '-keyout', keyFile, '-out', csr, '-subj', subject);
    writeFileSync(`${stem}.names`, `subjectAltName=${names}`);
    const by = ['-CA', this.caFile, '-CAkey', this.at('ca.key'), '-CAcreateserial'];
    const more = ['-days', String(days), '-extfile', `${stem}.names`];
    this.#openssl('x509', '-req', '-in', csr, ...by, '-out', certFile, ...more);
    return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) };
  }

  /** For a server at localhost and 127.0.0.1. */
  server(): IssuedCertificate {
    return this.issue('/CN=localhost', 'DNS:localhost,IP:127.0.0.1');
  }

  /** A list of those that are revoked so far, these among them. */
  crl(...revoked: readonly IssuedCertificate[]): string {
    const by = ['-config', this.at('ca.cnf'), '-keyfile', this.at('ca.key'), '-cert', this.caFile];
    for (const { certFile } of revoked) this.#openssl('ca', ...by, '-revoke', certFile);
    const file = this.at(`crl-${++this.#count}.pem`);
    this.#openssl('ca', ...by, '-gencrl', '-crldays', '3650', '-out', file);
    return file;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #settings(): string {
    return [
      '[ca]',
      'default_ca=test',
      '[test]',
      `database=${this.at('index.txt')}`,
      `crlnumber=${this.at('crlnumber')}`,
      'default_md=sha256',
      'policy=any',
      '[any]',
      'commonName=supplied',
    ].join('\n');
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe' });
  }
}
