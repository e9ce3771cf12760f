import type { Principal } from '../iam/index.ts';
import type { TokenIssuer } from './identity.ts';

/** What a call shows of its caller, whichever wire it came over. Secrets: never logged. */
export interface PresentedCredentials {
  /** The header, or the metadata, `authorization`, whole: `Bearer …`. */
  readonly authorization?: string | undefined;
  /** `x-goog-api-key`, as header or metadata, or the query's `key`. */
  readonly apiKey?: string | undefined;
  /** The client's certificate in DER, which TLS has verified against --tls-client-ca. */
  readonly certificate?: Uint8Array | undefined;
  /** The peer's address, by which guessing is slowed; absent once the connection is gone. */
  readonly address?: string | undefined;
}

/** Finds out who calls. */
export interface Authenticator {
  /** False where nobody is asked: every caller is the operator. */
  readonly isRequired: boolean;
  /**
   * At once for what was seen before, so that the hot path does not wait.
   *
   * @throws RpcError UNAUTHENTICATED without credentials, or for such as are malformed, forged,
   * expired, revoked, meant for somebody else: one text for all; RESOURCE_EXHAUSTED for an address
   * that guesses
   */
  authenticate(presented: PresentedCredentials): Principal | Promise<Principal>;
  /**
   * Whether who had a browser token issued is good still: of a service account, it is the same one,
   * enabled, and what it had shown is not deleted. True of members that others look after. Absent:
   * all are.
   */
  accepts?(issuer: TokenIssuer): boolean;
  /** `listener` is told when credentials were revoked, so that what is open can be asked again. */
  onRevoked(listener: () => void): () => void;
}
