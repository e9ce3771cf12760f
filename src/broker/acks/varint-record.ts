import { RpcError } from '../../rpc/index.ts';
import { varintBytes, WireReader, writeVarint } from '../wire/varint.ts';

/** A record of nothing but varints, as in protobuf. */
export function encodeVarints(values: readonly number[]): Uint8Array {
  let size = 0;
  for (const value of values) size += varintBytes(value);
  const out = new Uint8Array(size);
  let at = 0;
  for (const value of values) at = writeVarint(out, at, value);
  return out;
}

/** Throws DATA_LOSS on what is no whole number of varints. */
export function decodeVarints(bytes: Uint8Array): number[] {
  const reader = new WireReader(bytes);
  const values: number[] = [];
  while (reader.ok && reader.at < reader.end) values.push(reader.varint());
  if (!reader.ok) throw malformedRecord();
  return values;
}

export const malformedRecord = (): RpcError =>
  new RpcError(
    'DATA_LOSS',
    'ACK_STATE_MALFORMED',
    'A record of the acknowledgement state cannot be read.',
  );
