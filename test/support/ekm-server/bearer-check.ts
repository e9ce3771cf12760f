import { createRemoteJWKSet, jwtVerify } from 'jose';

/** Who may ask: those whose tokens a Sealpost server signed for this host. */
export interface BearerCheck {
  /** The claims; null if the token is not what it should be. */
  claims(authorization: string | undefined): Promise<Readonly<Record<string, unknown>> | null>;
}

/** Takes tokens of `issuer` for `audience`, by the keys that the issuer's discovery names. */
export function bearerCheck(issuer: () => string, audience: () => string): BearerCheck {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined;
  const open = async (): Promise<ReturnType<typeof createRemoteJWKSet>> => {
    const answer = await fetch(`${issuer()}/.well-known/openid-configuration`);
    const { jwks_uri: uri } = (await answer.json()) as { jwks_uri: string };
    return createRemoteJWKSet(new URL(uri));
  };
  return {
    async claims(authorization) {
      const [, token] = /^Bearer (\S+)$/.exec(authorization ?? '') ?? [];
      if (token === undefined) return null;
      try {
        keys ??= await open();
        const checks = { issuer: issuer(), audience: audience(), algorithms: ['RS256'] };
        return (await jwtVerify(token, keys, checks)).payload;
      } catch {
        return null;
      }
    },
  };
}
