import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { encoded } from './access-bench.ts';

export type IssuerAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';

/** A key of an issuer, with both halves. */
export interface IssuerKey {
  readonly kid: string;
  readonly alg: IssuerAlgorithm;
  readonly privateKey: KeyObject;
  readonly jwk: Readonly<Record<string, unknown>>;
}

/** An issuer of OpenID Connect tokens on a port of its own, whose answers a test can change. */
export class TokenIssuer {
  keys: readonly unknown[] = [];
  /** Sent in place of the answer to a path; `null`: the connection is reset. */
  readonly answers: Map<string, { status: number; body: string } | null> = new Map();
  /** Paths that were asked for, in order. */
  readonly asked: string[] = [];
  readonly #server: Server = createServer((request, response) => {
    const path = request.url ?? '';
    this.asked.push(path);
    const answer = this.answers.has(path) ? this.answers.get(path) : this.#answer(path);
    if (answer === null || answer === undefined) {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(answer.body);
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #answer(path: string): { status: number; body: string } {
    if (path === '/.well-known/openid-configuration') {
      return {
        status: 200,
        body: JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}/jwks` }),
      };
    }
    if (path === '/jwks') return { status: 200, body: JSON.stringify({ keys: this.keys }) };
    return { status: 404, body: '{}' };
  }
}

export function issuerKey(kid: string, alg: IssuerAlgorithm = 'ES256'): IssuerKey {
  const { publicKey, privateKey } = pairOf(alg);
  return { kid, alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' } };
}

function pairOf(alg: IssuerAlgorithm): { publicKey: KeyObject; privateKey: KeyObject } {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: 2_048 });
}

export function issuedToken(
  { kid, alg, privateKey }: IssuerKey,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = {},
): string {
  const text = `${encoded({ alg, typ: 'JWT', kid, ...header })}.${encoded(claims)}`;
  const key =
    alg === 'PS256'
      ? { key: privateKey, padding: 6, saltLength: 32 }
      : { key: privateKey, dsaEncoding: 'ieee-p1363' as const };
  const signature = sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(text), key);
  return `${text}.${signature.toString('base64url')}`;
}
