import type { Metadata } from '@grpc/grpc-js';

import { operator, type Principal } from '../../iam/index.ts';
import type { PresentedCredentials } from '../../identity/index.ts';
import type { Access } from '../access/access.ts';
import { credentialsRefused } from '../access/credentials-refused.ts';
import { peerCertificate } from '../access/peer-certificate.ts';
import { callerIpOf } from '../method.ts';
import { streamOf } from './stream-reset.ts';

/** Part of every kind of call. */
export interface CallOfCaller {
  readonly metadata: Metadata;
}

/**
 * Who makes a call: the operator at once, where nobody is asked.
 *
 * @throws RpcError UNAUTHENTICATED or RESOURCE_EXHAUSTED, at once or later
 */
export function callerOf(call: CallOfCaller, access: Access): Principal | Promise<Principal> {
  return access.isRequired ? access.authenticate(presentedBy(call)) : operator;
}

function presentedBy(call: CallOfCaller): PresentedCredentials {
  const socket = streamOf(call).session?.socket;
  return {
    authorization: single(call.metadata, 'authorization'),
    apiKey: single(call.metadata, 'x-goog-api-key'),
    certificate: peerCertificate(socket),
    address: callerIpOf(socket?.remoteAddress),
  };
}

/** Two values of one are refused: who reads the first is not who reads both. */
function single(metadata: Metadata, name: string): string | undefined {
  const [value, ...others] = metadata.get(name);
  if (others.length > 0) throw credentialsRefused();
  return value?.toString();
}
