import {
  operator,
  type AccessRule,
  type Authorizer,
  type FieldOf,
  type Principal,
} from '../../iam/index.ts';
import type { Authenticator, PresentedCredentials, TokenIssuer } from '../../identity/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { credentialsRefused } from './credentials-refused.ts';
import { Reviews } from './reviews.ts';

/** Who finds out who calls, and who decides what he may. */
export interface AccessParts {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
}

/** The server itself, on which what concerns all of it is asked. */
const server = 'organizations/sealpost';

/** What every way in asks: who calls, whether he may, and again when that may have changed. */
export class Access {
  /** False where nobody is asked: every caller is the operator, and may everything. */
  readonly isRequired: boolean;
  readonly #authenticator: Authenticator;
  readonly #authorizer: Authorizer;
  readonly #reviews: Reviews;
  readonly #close: () => void;

  constructor({ authenticator, authorizer }: AccessParts, clock: Clock) {
    this.isRequired = authenticator.isRequired;
    this.#authenticator = authenticator;
    this.#authorizer = authorizer;
    this.#reviews = new Reviews(clock);
    const ignore = [
      authenticator.onRevoked(() => this.#reviews.begin()),
      authorizer.onChange(() => this.#reviews.begin()),
    ];
    this.#close = () => {
      for (const each of ignore) each();
      this.#reviews.close();
    };
  }

  /** @throws RpcError UNAUTHENTICATED or RESOURCE_EXHAUSTED, at once or later */
  authenticate(presented: PresentedCredentials): Principal | Promise<Principal> {
    return this.#authenticator.authenticate(presented);
  }

  /**
   * Lets a call pass: asked before anything is looked up.
   *
   * @throws RpcError UNAUTHENTICATED once the credentials are refused, PERMISSION_DENIED
   */
  require(principal: Principal, rpc: string, field: FieldOf): void {
    if (principal === operator) return;
    if (!principal.isValid()) throw credentialsRefused();
    this.#authorizer.require(principal, rpc, field);
  }

  /** Whether a principal has a permission on a resource; on the whole server unless one is named. */
  isGranted(principal: Principal, permission: string, resource: string = server): boolean {
    return (
      principal === operator ||
      (principal.isValid() && this.#authorizer.isGranted(principal, permission, resource))
    );
  }

  /** Whether who had a browser token issued is good still. */
  accepts(issuer: TokenIssuer): boolean {
    return this.#authenticator.accepts?.(issuer) ?? true;
  }

  /** What a method asks for; undefined if it has no rule. */
  ruleOf(rpc: string): AccessRule | undefined {
    return this.#authorizer.ruleOf(rpc);
  }

  /** Whether nobody is asked who he is: tokens are got there, or checked. */
  isPublic(rpc: string): boolean {
    return this.ruleOf(rpc)?.isPublic === true;
  }

  /**
   * `review` is called after each change of a policy, each revocation of credentials, and every few
   * seconds, until the function that this returns is called.
   */
  watch(review: () => void): () => void {
    return this.#reviews.add(review);
  }

  close(): void {
    this.#close();
  }
}
