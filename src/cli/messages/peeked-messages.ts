import { textIn, type Json, type RestApi } from '../connection/rest-api.ts';
import { messageOfApi, type ReceivedMessage } from './received-message.ts';

/** A message that waits in a subscription. */
export interface PeekedMessage extends ReceivedMessage {
  /** `waiting`, `outstanding`, …: docs/cli.md. */
  readonly state: string;
  readonly deliveryAttempt: number;
  /** RFC 3339: when its lease ends, or when it comes again; empty if neither is known. */
  readonly endTime: string;
}

export interface PeekedPage {
  readonly messages: PeekedMessage[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** What one request may bring. */
export const peekPageMax = 100;

/** One page of what waits. It may be empty and not the last, where a filter keeps much away. */
export async function peekPage(
  api: RestApi,
  subscription: string,
  query: { readonly pageSize: number; readonly pageToken: string; readonly maxBytes?: number },
): Promise<PeekedPage> {
  const { pageToken, ...sizes } = query;
  const asked = { ...sizes, ...(pageToken === '' ? {} : { pageToken }) };
  const answer = await api.get(`sealpost/v1/${subscription}:peek`, asked);
  return {
    messages: ((answer['messages'] ?? []) as Json[]).map(peekedOf),
    nextPageToken: textIn(answer, 'nextPageToken'),
  };
}

function peekedOf(json: Json): PeekedMessage {
  return {
    ...messageOfApi(json['message'] as Json),
    state: textIn(json, 'state'),
    deliveryAttempt: Number(json['deliveryAttempt']),
    endTime: textIn(json, 'leaseExpireTime') || textIn(json, 'redeliveryTime'),
  };
}
