import { serviceMember, type KeyCaller } from '../kms/index.ts';
import type { CallHeaders } from './kms-channel.ts';

/**
 * For whom a Sealpost key service is asked: it then grants what that principal may, instead of what
 * the token's bearer or an unauthenticated caller may, and writes it to its audit log. Cloud KMS
 * takes no notice of them. Values are percent-encoded UTF-8.
 */
export const callerHeaderNames = {
  member: 'x-sealpost-member',
  reason: 'x-sealpost-reason',
  resource: 'x-sealpost-resource',
  purpose: 'x-sealpost-purpose',
} as const;

/** The service on its own behalf claims nothing: its own key elsewhere is the token's bearer's. */
export function callerHeaders(caller: KeyCaller, keyName: string): CallHeaders {
  const told: Record<string, string> = {
    // Cloud KMS routes by it (google.api.routing).
    'x-goog-request-params': `name=${encodeURIComponent(keyName)}`,
    [callerHeaderNames.reason]: caller.reason,
  };
  if (caller.member !== serviceMember) told[callerHeaderNames.member] = encoded(caller.member);
  if (caller.resource !== undefined) told[callerHeaderNames.resource] = encoded(caller.resource);
  if (caller.purpose !== undefined) told[callerHeaderNames.purpose] = encoded(caller.purpose);
  return told;
}

const encoded = (text: string): string => encodeURIComponent(text.toWellFormed());
