import type { AccessParts } from '../../src/api/index.ts';
import { accessRuleOf, askedOf, type FieldOf, type Principal } from '../../src/iam/index.ts';
import type { PresentedCredentials } from '../../src/identity/index.ts';
import { RpcError } from '../../src/rpc/index.ts';

/**
 * Who is known and who may what, as a test says it: for tests of the wires, which need to change
 * both at a moment of their choice. What decides in earnest is tested on the whole server.
 */
export class TableAccess implements AccessParts {
  /** Members by what they show: a token, an API key, or a certificate in hex. */
  readonly members: Map<string, string> = new Map();
  /** `MEMBER PERMISSION RESOURCE`. */
  readonly grants: Set<string> = new Set();
  readonly presented: PresentedCredentials[] = [];
  readonly #revoked: Set<string> = new Set();
  readonly #listeners: Set<() => void> = new Set();
  /** Answers in a later turn, as for a token that was not seen before. */
  isSlow = true;

  readonly authenticator: AccessParts['authenticator'] = {
    isRequired: true,
    authenticate: (presented) => {
      this.presented.push(presented);
      return this.isSlow
        ? Promise.resolve().then(() => this.#find(presented))
        : this.#find(presented);
    },
    accepts: ({ member }) => !this.#revoked.has(member),
    onRevoked: (listener) => this.#listen(listener),
  };

  readonly authorizer: AccessParts['authorizer'] = {
    require: (principal, rpc, field) => this.#require(principal, rpc, field),
    isGranted: ({ member }, permission, resource) => this.#has(member, permission, resource),
    ruleOf: accessRuleOf,
    onChange: (listener) => this.#listen(listener),
  };

  grant(member: string, permission: string, resource: string): void {
    this.grants.add(`${member} ${permission} ${resource}`);
    this.#tell();
  }

  revokeGrant(member: string, permission: string, resource: string): void {
    this.grants.delete(`${member} ${permission} ${resource}`);
    this.#tell();
  }

  revoke(member: string): void {
    this.#revoked.add(member);
    this.#tell();
  }

  #find({ authorization, apiKey, certificate }: PresentedCredentials): Principal {
    const [, token] = /^Bearer (\S+)$/i.exec(authorization ?? '') ?? [];
    const key = authorization === undefined ? (apiKey ?? hexOf(certificate)) : token;
    const member = key === undefined ? undefined : this.members.get(key);
    if (member === undefined || this.#revoked.has(member)) {
      throw new RpcError('UNAUTHENTICATED', 'ACCESS_TOKEN_TYPE_UNSUPPORTED', 'Who are you?');
    }
    return {
      member,
      email: member.slice(member.indexOf(':') + 1),
      groups: [],
      expiresAtMs: Number.POSITIVE_INFINITY,
      isValid: () => !this.#revoked.has(member),
    };
  }

  #require({ member }: Principal, rpc: string, field: FieldOf): void {
    for (const demand of accessRuleOf(rpc)?.demands ?? []) {
      for (const { permission, resource } of askedOf(demand, field, { topicOf: () => undefined })) {
        if (this.#has(member, permission, resource)) continue;
        const text = 'User not authorized to perform this action.';
        throw new RpcError('PERMISSION_DENIED', 'IAM_PERMISSION_DENIED', text);
      }
    }
  }

  #has(member: string, permission: string, resource: string): boolean {
    return this.grants.has(`${member} ${permission} ${resource}`);
  }

  #listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

const hexOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex');
