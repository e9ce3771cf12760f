import { Metadata, status, type StatusObject } from '@grpc/grpc-js';

import { statusDetails, type WireError } from '../error-mapping.ts';

/** An error as grpc-js sends it: status, text, and google.rpc.Status when it has details. */
export function toStatusObject(error: WireError): StatusObject {
  const metadata = new Metadata();
  if (error.details.length > 0) {
    metadata.set('grpc-status-details-bin', Buffer.from(statusDetails(error)));
  }
  return { code: status[error.code], details: error.message, metadata };
}
