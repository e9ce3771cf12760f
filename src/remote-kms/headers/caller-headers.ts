import { serviceMember, type AccessReason, type KeyCaller } from '../../kms/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { CallHeaders } from '../kms-channel.ts';

/**
 * For whom a Sealpost key service is asked: it then grants what that principal may, instead of what
 * an unauthenticated caller may, and writes it to its audit log. Cloud KMS takes no notice of them.
 * Values are percent-encoded UTF-8.
 */
const names = {
  member: 'x-sealpost-member',
  reason: 'x-sealpost-reason',
  resource: 'x-sealpost-resource',
  purpose: 'x-sealpost-purpose',
} as const;

type Claim = keyof typeof names;

/** What a call says of whom it is for. */
export type CallerClaims = Partial<Pick<KeyCaller, Claim>>;

const reasons: ReadonlySet<string> = new Set<AccessReason>([
  'REASON_UNSPECIFIED',
  'CUSTOMER_INITIATED_SUPPORT',
  'GOOGLE_INITIATED_SERVICE',
  'THIRD_PARTY_DATA_REQUEST',
  'GOOGLE_INITIATED_REVIEW',
  'CUSTOMER_INITIATED_ACCESS',
  'GOOGLE_INITIATED_SYSTEM_OPERATION',
  'REASON_NOT_EXPECTED',
  'MODIFIED_CUSTOMER_INITIATED_ACCESS',
  'MODIFIED_GOOGLE_INITIATED_SYSTEM_OPERATION',
  'GOOGLE_RESPONSE_TO_PRODUCTION_ALERT',
  'CUSTOMER_AUTHORIZED_WORKFLOW_SERVICING',
]);

const textMax = 1_024;

/** The service on its own behalf claims nothing: its own key elsewhere is the token's bearer's. */
export function callerHeaders(caller: KeyCaller, keyName: string): CallHeaders {
  const { resource, purpose } = caller;
  return {
    // Cloud KMS routes by it (google.api.routing).
    'x-goog-request-params': `name=${encodeURIComponent(keyName)}`,
    [names.reason]: caller.reason,
    ...(caller.member !== serviceMember && { [names.member]: encoded(caller.member) }),
    ...(resource !== undefined && { [names.resource]: encoded(resource) }),
    ...(purpose !== undefined && { [names.purpose]: encoded(purpose) }),
  };
}

/**
 * The claims in a call's headers. A caller who may do anything may do what one service account may:
 * it claims less than it has. Nobody may claim to be the service itself, or an operator.
 *
 * @throws RpcError INVALID_ARGUMENT for a claim that is none
 */
export function callerClaims(header: (name: string) => string | undefined): CallerClaims {
  const claims: Partial<Record<Claim, string>> = {};
  for (const [claim, name] of Object.entries(names) as [Claim, string][]) {
    const value = header(name);
    if (value !== undefined) claims[claim] = decoded(claim, value);
  }
  const { member, reason } = claims;
  if (member !== undefined && !/^serviceAccount:[!-~]+$/.test(member)) throw badClaim('member');
  if (reason !== undefined && !reasons.has(reason)) throw badClaim('reason');
  return claims as CallerClaims;
}

const encoded = (text: string): string => encodeURIComponent(text.toWellFormed().slice(0, textMax));

function decoded(claim: Claim, value: string): string {
  try {
    const text = decodeURIComponent(value);
    if (text.length <= textMax) return text;
  } catch {
    // Refused below, as too long a one is.
  }
  throw badClaim(claim);
}

function badClaim(claim: Claim): RpcError {
  const text = `The header ${names[claim]} holds no valid ${claim}.`;
  return new RpcError('INVALID_ARGUMENT', 'BAD_CALLER_CLAIM', text);
}
