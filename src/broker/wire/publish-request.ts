import { isUtf8 } from 'node:buffer';

import { invalidArgument, limits, tooLarge } from '../limits.ts';
import type { SealableMessage } from '../service.ts';
import { scanMessage } from './message-scan.ts';
import { varintBytes, WireReader, writeVarint } from './varint.ts';

export interface ParsedPublish {
  /** As sent; not yet checked to be a topic's name. */
  readonly topic: string;
  readonly messages: SealableMessage[];
}

/**
 * Reads a serialised PublishRequest (pubsub.v1) by slicing it: messages are views of `bytes`.
 * Throws INVALID_ARGUMENT on anything that is malformed or beyond a limit.
 */
export function parsePublishRequest(bytes: Uint8Array): ParsedPublish {
  if (bytes.length > limits.requestBytesMax) {
    throw tooLarge('request_size', bytes.length, limits.requestBytesMax);
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = new WireReader(buffer);
  const messages: SealableMessage[] = [];
  let topic = '';
  while (reader.ok && reader.at < reader.end) {
    const tag = reader.varint();
    if (tag !== 0x0a && tag !== 0x12) {
      if (tag >>> 3 <= 2) reader.ok = false;
      else reader.skip(tag & 7);
      continue;
    }
    const length = reader.length();
    if (!reader.ok) break;
    const end = reader.at + length;
    if (tag === 0x0a) topic = text(buffer, reader.at, end);
    else messages.push(scanMessage(buffer, reader.at, end, messages.length));
    reader.at = end;
  }
  if (!reader.ok) throw invalidArgument('not a valid serialised PublishRequest');
  return { topic, messages };
}

function text(bytes: Buffer, at: number, end: number): string {
  if (!isUtf8(bytes.subarray(at, end))) throw invalidArgument('topic: not valid UTF-8');
  return bytes.toString('utf8', at, end);
}

/** Serialises a PublishResponse (pubsub.v1); ids are ASCII. */
export function encodePublishResponse(ids: readonly string[]): Buffer {
  let size = 0;
  for (const id of ids) size += 1 + varintBytes(id.length) + id.length;
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  for (const id of ids) {
    out[at] = 0x0a;
    at = writeVarint(out, at + 1, id.length);
    at += out.write(id, at, 'latin1');
  }
  return out;
}
