import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { expect, test } from 'vitest';
import { decodeReceived, encodePublish } from './pubsub-wire.ts';

/** A StreamingPullResponse with fields that the demo does not read around the ones that it does. */
function response(rows: readonly number[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const row of rows) {
    writer
      .uint32(10)
      .fork()
      .uint32(10)
      .string(`ack-${String(row)}`);
    writer
      .uint32(18)
      .fork()
      .uint32(10)
      .bytes(Buffer.from(`data ${String(row)}`));
    for (const [key, value] of [
      ['other', 'x'],
      ['row', String(row)],
    ] as const) {
      writer.uint32(18).fork().uint32(10).string(key).uint32(18).string(value).join();
    }
    writer.uint32(26).string('id').uint32(34).fork().uint32(8).int64(5).join().join();
    writer.uint32(24).int32(0).join();
  }
  writer.uint32(34).fork().uint32(16).bool(true).join();
  return writer.finish();
}

test('reads rows, data and ack ids, and skips all that it does not know', () => {
  const received = decodeReceived(response([3, 199_999]));
  expect(received.map(({ row, ackId, data }) => [row, ackId, String(Buffer.from(data))])).toEqual([
    [3, 'ack-3', 'data 3'],
    [199_999, 'ack-199999', 'data 199999'],
  ]);
});

test('a response with properties alone carries no message', () => {
  expect(decodeReceived(response([]))).toEqual([]);
});

test('a publish request has the topic, the data and the row of each message', () => {
  const bytes = encodePublish('projects/p/topics/t', [{ row: 7, data: Buffer.from('{}') }]);
  expect(bytes.toString('hex')).toBe(
    `0a13${Buffer.from('projects/p/topics/t').toString('hex')}` +
      `120e0a027b7d12080a03726f77120137`,
  );
});
