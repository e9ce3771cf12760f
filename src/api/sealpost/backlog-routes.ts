import { fromJson } from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';

import type { AuditWriter } from '../../audit/index.ts';
import {
  decodeMessage,
  invalidArgument,
  peekLimits,
  type BrokerService,
  type PeekedMessage,
  type PeekedPage,
  type SeekPreview,
  type SeekTarget,
} from '../../broker/index.ts';
import { formatTimestamp, RpcError } from '../../rpc/index.ts';
import { peekEntry } from '../audit/peek-entry.ts';
import { refuseQuery } from '../http/transcoding.ts';
import type { JsonValue } from '../json.ts';
import { timeOf } from '../pubsub/time-fields.ts';
import { checkSnapshotName, checkSubscriptionName } from '../pubsub/validation.ts';
import type { RestCall, Route } from '../route.ts';

const service = 'sealpost.v1.Backlog';
/** What a peek is called in metrics, in the audit log, and by the table of who may call it. */
export const peekRpc: string = `${service}.Peek`;

const pageSizeDefault = 10;

type ViewingBroker = Pick<BrokerService, 'views' | 'onRevoked'>;

/**
 * What waits in a subscription, and what a seek would do to it, as `sealpost subscriptions peek` and
 * `sealpost replay` show it. Neither changes anything. A look at messages leaves no other trace, so
 * that each is in the audit log before it is answered, as data access.
 */
export function backlogRoutes(broker: ViewingBroker, audit: AuditWriter): Route[] {
  return [
    {
      rpc: peekRpc,
      method: 'GET',
      template: '/sealpost/v1/{name=projects/*/subscriptions/*}:peek',
      cacheControl: 'no-store',
      handle: (call) => whileReadable(broker, call, (look) => recorded(call, audit, look)),
    },
    {
      rpc: `${service}.PreviewSeek`,
      method: 'GET',
      template: '/sealpost/v1/{name=projects/*/subscriptions/*}:previewSeek',
      handle: async (call) =>
        previewView(await broker.views.previewSeek(subscriptionOf(call), targetOf(call))),
      fields: (call) => (path) => (path === 'name' ? call.params['name']! : asked(call, path)),
    },
  ];
}

/** Messages leave only if their key was not taken away while the look was being recorded. */
async function whileReadable(
  broker: ViewingBroker,
  call: RestCall,
  record: (look: () => Promise<JsonValue>) => Promise<JsonValue>,
): Promise<JsonValue> {
  let isRevoked = false;
  const ignore = broker.onRevoked((subscription) => {
    isRevoked ||= subscription === call.params['name'];
  });
  const look = (): Promise<JsonValue> => peek(broker, call);
  try {
    const answer = await record(look);
    return isRevoked ? await look() : answer;
  } finally {
    ignore();
  }
}

async function recorded(
  call: RestCall,
  audit: AuditWriter,
  run: () => Promise<JsonValue>,
): Promise<JsonValue> {
  const [ended] = await Promise.allSettled([run()]);
  const error = ended.status === 'rejected' ? RpcError.from(ended.reason) : undefined;
  const entry = peekEntry(call, peekRpc, error);
  try {
    if (entry !== null) await audit.append(entry);
  } catch (cause) {
    if (error !== undefined) throw error;
    const text = 'The audit log cannot be written, and nothing is read that it does not record.';
    throw new RpcError('UNAVAILABLE', 'AUDIT_UNAVAILABLE', text, { cause });
  }
  if (ended.status === 'rejected') throw ended.reason;
  return ended.value;
}

async function peek({ views }: ViewingBroker, call: RestCall): Promise<JsonValue> {
  const name = subscriptionOf(call);
  const known = ['page_size', 'pageSize', 'page_token', 'pageToken', 'max_bytes', 'maxBytes'];
  refuseOthers(call, known);
  const request = {
    messagesMax: count(asked(call, 'page_size', 'pageSize'), pageSizeDefault),
    bytesMax: count(asked(call, 'max_bytes', 'maxBytes'), peekLimits.bytesMax),
    pageToken: asked(call, 'page_token', 'pageToken'),
  };
  return await views.peek(name, request, pageView);
}

function pageView({ messages, nextPageToken }: PeekedPage): JsonValue {
  return {
    ...(messages.length === 0 ? {} : { messages: messages.map(messageView) }),
    ...(nextPageToken === '' ? {} : { nextPageToken }),
  };
}

function messageView(peeked: PeekedMessage): JsonValue {
  const { data, attributes, orderingKey } = decodeMessage(peeked.bytes);
  const { endTimeMs, state } = peeked;
  const end = state === 'outstanding' ? 'leaseExpireTime' : 'redeliveryTime';
  return {
    message: {
      ...(data.length === 0 ? {} : { data: base64(data) }),
      ...(attributes.length === 0 ? {} : { attributes: Object.fromEntries(attributes) }),
      messageId: peeked.messageId,
      publishTime: formatTimestamp(peeked.publishTimeMs),
      ...(orderingKey === '' ? {} : { orderingKey }),
    },
    state,
    deliveryAttempt: peeked.deliveryAttempt,
    ...(endTimeMs === null ? {} : { [end]: formatTimestamp(endTimeMs) }),
  };
}

function previewView({ keptFromMs, ...counts }: SeekPreview): JsonValue {
  return {
    ...counts,
    ...(keptFromMs === null ? {} : { keptFromTime: formatTimestamp(keptFromMs) }),
  };
}

function targetOf(call: RestCall): SeekTarget {
  refuseOthers(call, ['time', 'snapshot']);
  const [time, snapshot] = [asked(call, 'time'), asked(call, 'snapshot')];
  if ((time === '') === (snapshot === '')) throw invalidArgument('either time or snapshot');
  if (snapshot === '') return { timeMs: timeIn(time) };
  checkSnapshotName(snapshot);
  return { snapshot };
}

function timeIn(text: string): number {
  try {
    return timeOf('time', fromJson(TimestampSchema, text));
  } catch {
    throw invalidArgument('time is no time');
  }
}

function subscriptionOf({ params }: RestCall): string {
  const name = params['name'] ?? '';
  checkSubscriptionName(name);
  return name;
}

function refuseOthers({ query }: RestCall, known: readonly string[]): void {
  refuseQuery(query, Object.fromEntries(known.map((each) => [each, ''])));
}

/** The first of a parameter's spellings that is given; empty if none is. */
function asked({ query }: RestCall, ...spellings: readonly string[]): string {
  return spellings.map((each) => query.get(each) ?? '').find((text) => text !== '') ?? '';
}

/** What is no number is NaN, which no range has room for. */
function count(text: string, fallback: number): number {
  if (text === '') return fallback;
  return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');
