import { RpcError } from '../../rpc/index.ts';

/** Google's words for credentials that are good no more, or that cannot be made out. */
export function credentialsRefused(): RpcError {
  const text =
    'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.';
  return new RpcError('UNAUTHENTICATED', 'ACCESS_TOKEN_TYPE_UNSUPPORTED', text);
}
