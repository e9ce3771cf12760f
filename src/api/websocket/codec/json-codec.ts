import type { Delivery } from '../../../broker/index.ts';
import { statusTable } from '../../../rpc/index.ts';
import type { WireError } from '../../error-mapping.ts';
import { writeReceivedMessages } from '../../json/pull-json.ts';
import type { FrameCodec } from '../frames.ts';
import { readJsonFrame } from './json-reader.ts';

/**
 * `sealpost.v1.json`: frames of a fixed shape, every field written, 64-bit integers as numbers,
 * which parsers of proto3 JSON take as well as strings.
 */
export const jsonCodec: FrameCodec = {
  subprotocol: 'sealpost.v1.json',
  isBinary: false,
  decode: readJsonFrame,
  welcome: (welcome) => JSON.stringify({ id: 0, welcome }),
  published: (id, messageIds) =>
    `{"id":${id},"published":{"messageIds":["${messageIds.join('","')}"]}}`,
  subscribed: (id, subscribed) => JSON.stringify({ id, subscribed }),
  unsubscribed: (id) => `{"id":${id},"unsubscribed":{}}`,
  deliver: (id: number, sequence: number, batch: readonly Delivery[]) =>
    writeReceivedMessages(
      batch,
      `{"id":${id},"deliver":{"sequence":${sequence},"receivedMessages":`,
      '}}',
    ),
  settled: (id, results) =>
    `{"id":${id},"settled":{"results":["${results.join('","').toUpperCase()}"]}}`,
  error: (id, error) => JSON.stringify({ id, error: errorOf(error) }),
  pong: (id) => `{"id":${id},"pong":{}}`,
};

function errorOf({ code, reason, message, details }: WireError): object {
  return { code: statusTable[code].number, status: code, reason, message, details };
}
