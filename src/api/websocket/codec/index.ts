/**
 * codec: the frames of proto/sealpost/v1/websocket.proto as text and as bytes, each message read
 * and written without more copies than its base64 costs.
 */
import type { FrameCodec } from '../frames.ts';
import { jsonCodec } from './json-codec.ts';
import { protoCodec } from './proto-codec.ts';

/** By subprotocol. */
export const frameCodecs: ReadonlyMap<string, FrameCodec> = new Map(
  [protoCodec, jsonCodec].map((codec) => [codec.subprotocol, codec]),
);
