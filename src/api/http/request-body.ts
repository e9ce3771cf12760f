import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import { RpcError } from '../../rpc/index.ts';

/** Bytes of a request's body, before and after decompression (Google's front ends). */
export const bodyBytesMax = 10_485_760;

const gunzipAsync = promisify(gunzip);

export function payloadTooLarge(): RpcError {
  const message = `Request payload size exceeds the limit: ${bodyBytesMax} bytes.`;
  return new RpcError('INVALID_ARGUMENT', 'PAYLOAD_TOO_LARGE', message);
}

/** The body as its sender meant it. Throws INVALID_ARGUMENT on bad gzip and beyond the limit. */
export async function decodeBody(
  body: Uint8Array,
  contentEncoding: string | undefined,
): Promise<Uint8Array> {
  const encoding = contentEncoding?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '') return body;
  if (encoding !== 'gzip' && encoding !== 'x-gzip') throw unknownEncoding(encoding);
  if (body.length === 0) return body;
  try {
    return await gunzipAsync(body, { maxOutputLength: bodyBytesMax });
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge ? payloadTooLarge() : notGzip();
  }
}

const notGzip = (): RpcError =>
  new RpcError('INVALID_ARGUMENT', 'INVALID_ENCODING', 'The request body is not valid gzip.');

const unknownEncoding = (encoding: string): RpcError =>
  new RpcError(
    'INVALID_ARGUMENT',
    'INVALID_ENCODING',
    `The content encoding "${encoding.slice(0, 100)}" is not supported.`,
  );
