import { Metadata, status, type StatusObject } from '@grpc/grpc-js';

import { statusDetails, type WireError } from '../error-mapping.ts';
import { streamOf } from './stream-reset.ts';

/** A client that announces no limit is taken for Node's, which breaks off above 64 KiB. */
const headerBytesOfNode = 60_000;
/** Go's takes 16 MiB unless it announces another limit. */
const headerBytesMost = 1_500_000;
/** SETTINGS_MAX_HEADER_LIST_SIZE that nobody sent (RFC 9113, 6.5.2). */
const unannounced = 2 ** 32 - 1;
/** What stands in the trailer beside text and details. */
const headerBytesAround = 512;
/** A text that names what the caller sent may be as long as that was. */
const messageCharsMax = 2_000;

/**
 * An error as grpc-js sends it: status, text, and google.rpc.Status when it has details. Details
 * that the client could not take are left out whole: an ack id that an ErrorInfo does not name
 * would be taken for acknowledged. `headerBytesMax`: bytes of the trailer.
 */
export function toStatusObject(error: WireError, headerBytesMax: number): StatusObject {
  const metadata = new Metadata();
  const message = error.message.slice(0, messageCharsMax).toWellFormed();
  if (error.details.length > 0) {
    const bytes = statusDetails({ ...error, message });
    const encodedBytes = Math.ceil(bytes.length / 3) * 4 + encodeURI(message).length;
    if (encodedBytes + headerBytesAround <= headerBytesMax) {
      metadata.set('grpc-status-details-bin', Buffer.from(bytes));
    }
  }
  return { code: status[error.code], details: message, metadata };
}

/** Bytes of headers that the caller takes: as it announced, or as its kind is known to. */
export function headerBytesOf(call: { readonly metadata: Metadata }): number {
  const announced = streamOf(call).session?.remoteSettings?.maxHeaderListSize ?? unannounced;
  if (announced < unannounced) return Math.min(announced, headerBytesMost);
  const isGo = String(call.metadata.get('user-agent')[0]).includes('grpc-go/');
  return isGo ? headerBytesMost : headerBytesOfNode;
}
