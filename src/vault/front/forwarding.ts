import type { IncomingMessage } from 'node:http';

import { draw, type Entropy } from '../../runtime/index.ts';
import { endToEnd, type Framing } from './header-fields.ts';

/** Fields of the client's that we write anew. */
const rewritten = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'forwarded',
  'x-cloud-trace-context',
  'traceparent',
  'content-length',
]);

/** Methods whose requests Node sends without a body unless told otherwise. */
const bodiless = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** The fields of a request to an instance, as Cloud Run's front would send them. */
export function forwardedFields(
  request: IncomingMessage,
  framing: Framing,
  connection: 'keep-alive' | 'close' | 'Upgrade',
  entropy: Entropy,
): string[] {
  const { headers } = request;
  const client = request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? 'unknown';
  const fields = endToEnd(request.rawHeaders, rewritten);
  const node = client.includes(':') ? `"[${client}]"` : `"${client}"`;
  fields.push(
    'X-Forwarded-For',
    appended(headers['x-forwarded-for'], client),
    'X-Forwarded-Proto',
    'http',
    'Forwarded',
    appended(headers.forwarded, `for=${node};proto=http`),
    ...traceFields(request, entropy),
    'Connection',
    connection,
  );
  if (framing === 'chunked') fields.push('Transfer-Encoding', 'chunked');
  else if (framing === 'length') fields.push('Content-Length', headers['content-length'] ?? '0');
  else if (!bodiless.has(request.method ?? '')) fields.push('Content-Length', '0');
  if (connection === 'Upgrade') fields.push('Upgrade', headers.upgrade ?? '');
  return fields;
}

function appended(before: string | readonly string[] | undefined, last: string): string {
  const list = typeof before === 'string' ? before : (before ?? []).join(', ');
  return list === '' ? last : `${list}, ${last}`;
}

const traceparentForm = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const cloudTraceForm = /^([0-9a-f]{32})(?:\/(\d{1,20}))?(?:;o=(\d))?$/i;

/** One trace in both forms: the client's if it began one, else a new one that nobody records. */
function traceFields({ headers }: IncomingMessage, entropy: Entropy): string[] {
  const { trace, span, isSampled } = traceOf(headers) ?? newTrace(entropy);
  const spanHex = span.toString(16).padStart(16, '0');
  return [
    'X-Cloud-Trace-Context',
    `${trace}/${span};o=${isSampled ? 1 : 0}`,
    'traceparent',
    `00-${trace}-${spanHex}-0${isSampled ? 1 : 0}`,
  ];
}

interface Trace {
  readonly trace: string;
  readonly span: bigint;
  readonly isSampled: boolean;
}

function traceOf(headers: IncomingMessage['headers']): Trace | undefined {
  const parent = traceparentForm.exec(headers['traceparent']?.toString() ?? '');
  if (parent !== null && Number(`0x${parent[2]}`) > 0) {
    const isSampled = (Number.parseInt(parent[3]!, 16) & 1) === 1;
    return { trace: parent[1]!, span: BigInt(`0x${parent[2]}`), isSampled };
  }
  const cloud = cloudTraceForm.exec(headers['x-cloud-trace-context']?.toString() ?? '');
  if (cloud === null) return undefined;
  const span = BigInt.asUintN(64, BigInt(cloud[2] ?? 1)) || 1n;
  return { trace: cloud[1]!.toLowerCase(), span, isSampled: cloud[3] === '1' };
}

function newTrace(entropy: Entropy): Trace {
  const bytes = Buffer.from(draw(entropy, 24));
  const span = bytes.readBigUInt64BE(16) || 1n;
  return { trace: bytes.toString('hex', 0, 16), span, isSampled: false };
}
