import { operator, type Principal } from '../../../iam/index.ts';
import type { BrowserClaims } from '../../../identity/index.ts';
import type { Access } from '../../access/access.ts';
import { credentialsRefused } from '../../access/credentials-refused.ts';
import { oneField } from '../../access/request-fields.ts';
import { requireGrant } from './scopes.ts';

const publishRpc = 'google.pubsub.v1.Publisher.Publish';
const streamRpc = 'google.pubsub.v1.Subscriber.StreamingPull';
const createRpc = 'google.pubsub.v1.Subscriber.CreateSubscription';

/** Who is behind a session, and what of that its token lets him do. */
export class SessionCaller {
  /** Who had the token issued, where there is one; whoever opened the connection, else. */
  readonly principal: Principal;
  /** Of a browser token; null: the caller may all that he may elsewhere. */
  readonly claims: BrowserClaims | null;
  readonly #access: Access;

  constructor(principal: Principal, claims: BrowserClaims | null, access: Access) {
    this.principal = principal;
    this.claims = claims;
    this.#access = access;
  }

  /** When the session ends with its credentials: ms since the Unix epoch, or Infinity. */
  get expiresAtMs(): number {
    return Math.min(this.principal.expiresAtMs, this.claims?.expiresAtMs ?? Infinity);
  }

  /** A session can be resumed only by the one who began it. */
  isSame({ principal, claims }: SessionCaller): boolean {
    return principal.member === this.principal.member && claims?.subject === this.claims?.subject;
  }

  /** @throws RpcError UNAUTHENTICATED once the credentials are refused */
  requireValid(): void {
    if (!this.principal.isValid()) throw credentialsRefused();
  }

  /** @throws RpcError PERMISSION_DENIED, whether the topic exists or not */
  requirePublish(topic: string): void {
    requireGrant(this.claims, 'publish', topic);
    if (this.principal === operator) return;
    this.#access.require(this.principal, publishRpc, oneField('topic', topic));
  }

  /**
   * `source`: a subscription, or the topic of a subscription that lasts as long as its stream.
   *
   * @throws RpcError PERMISSION_DENIED, whether it exists or not
   */
  requireSubscribe(source: string): void {
    requireGrant(this.claims, 'subscribe', source);
    if (this.principal === operator) return;
    const [, project = '', kind] = source.split('/');
    if (kind !== 'topics') {
      this.#access.require(this.principal, streamRpc, oneField('subscription', source));
      return;
    }
    const name = `projects/${project}/subscriptions/ephemeral`;
    this.#access.require(this.principal, createRpc, (path) =>
      path === 'topic' ? source : oneField('name', name)(path),
    );
  }

  /** What a stream from `source` is refused with now; undefined: it may go on. */
  refusalOf(source: string): unknown {
    try {
      this.requireSubscribe(source);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** `review` is called when what this caller may could be something else now. */
  watch(review: () => void): () => void {
    return this.principal === operator ? () => undefined : this.#access.watch(review);
  }
}
