import { RpcError } from '../../rpc/index.ts';

const help =
  'Expected OAuth 2 access token, login cookie or other valid authentication credential. ' +
  'See https://developers.google.com/identity/sign-in/web/devconsole-project.';

/** What a call without any credentials is told, in Google's words. */
export function missingCredentials(): RpcError {
  const text = `Request is missing required authentication credential. ${help}`;
  return new RpcError('UNAUTHENTICATED', 'CREDENTIALS_MISSING', text);
}

/** One text for whatever is wrong: a forger learns nothing of how far a token came. */
export function badCredentials(cause?: unknown): RpcError {
  const text = `Request had invalid authentication credentials. ${help}`;
  return new RpcError('UNAUTHENTICATED', 'ACCESS_TOKEN_TYPE_UNSUPPORTED', text, { cause });
}

/** Nothing was checked: whoever has a good credential may come again. */
export function throttled(waitMs: number): RpcError {
  const text = 'Too many requests with invalid credentials. Please retry later.';
  const retryDelay = `${Math.max(1, Math.ceil(waitMs / 1_000))}s`;
  return new RpcError('RESOURCE_EXHAUSTED', 'AUTHENTICATION_THROTTLED', text, {
    details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }],
  });
}

/** The credential may be good: nobody can tell before its issuer's keys are known. */
export function issuerAway(cause: unknown): RpcError {
  const text = "The keys of the token's issuer cannot be fetched. Please retry later.";
  return new RpcError('UNAVAILABLE', 'ISSUER_UNREACHABLE', text, { cause });
}
