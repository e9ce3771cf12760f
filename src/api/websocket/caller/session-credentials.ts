import { operator, type Principal } from '../../../iam/index.ts';
import type {
  BrowserClaims,
  BrowserTokens,
  PresentedCredentials,
} from '../../../identity/index.ts';
import { RpcError } from '../../../rpc/index.ts';
import type { Access } from '../../access/access.ts';
import { credentialsRefused } from '../../access/credentials-refused.ts';
import { SessionCaller } from './session-caller.ts';

/** What makes out who shows a token. */
export interface TokenReaders {
  readonly tokens: BrowserTokens;
  readonly access: Access;
}

/**
 * Who shows a token, in a subprotocol or in the first frame: a page with a browser token, or anyone
 * with what would open REST and gRPC to him. The token wins over what the upgrade showed.
 *
 * @throws RpcError UNAUTHENTICATED, RESOURCE_EXHAUSTED
 */
export async function callerByToken(
  token: string,
  address: PresentedCredentials['address'],
  { tokens, access }: TokenReaders,
): Promise<SessionCaller> {
  const claims = await browserClaims(token, tokens, access.isRequired);
  if (claims !== null) return new SessionCaller(issuerOf(claims, access), claims, access);
  const authorization = `Bearer ${token}`;
  const principal = await access.authenticate({ authorization, address });
  return new SessionCaller(principal, null, access);
}

/** Null: it is no browser token, and may be another kind, where these are asked for. */
async function browserClaims(
  token: string,
  tokens: BrowserTokens,
  mayBeAnother: boolean,
): Promise<BrowserClaims | null> {
  try {
    return await tokens.verify(token);
  } catch (error) {
    if (mayBeAnother && error instanceof RpcError && error.reason === 'BAD_TOKEN') return null;
    throw error;
  }
}

/** Where people are asked, a token without an issuer is from another time. */
function issuerOf({ issuer, expiresAtMs }: BrowserClaims, access: Access): Principal {
  if (!access.isRequired) return operator;
  if (issuer === undefined) throw credentialsRefused();
  const principal = {
    ...issuer,
    expiresAtMs,
    isValid: () => access.accepts(issuer),
  };
  if (!principal.isValid()) throw credentialsRefused();
  return principal;
}
