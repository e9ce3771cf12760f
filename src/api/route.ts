import type { FieldOf } from '../iam/index.ts';
import type { JsonValue } from './json.ts';
import type { ApiCall } from './method.ts';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One REST request, already bounded, parsed and matched. */
export interface RestCall extends ApiCall {
  /** Variables of the template, decoded exactly once: `name` → `projects/p/topics/t`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The body's bytes, decompressed; empty if there was none. */
  readonly body: Uint8Array;
  /** Parses the body as a JSON object; throws RpcError INVALID_ARGUMENT with Google's text. */
  json(): { [key: string]: JsonValue };
  /** The Host that it was sent to, as given. */
  readonly host: string | undefined;
  /** What its sender says that the body is: a media type, perhaps with parameters. */
  readonly contentType?: string | undefined;
  /** What its sender would read. */
  readonly accept?: string | undefined;
  /** True if a page of another origin than ours made it, which `--allow-origin` names. */
  readonly isCrossOrigin: boolean;
}

/** An answer in another format than JSON, sent as it is. */
export class TextReply {
  readonly contentType: string;
  readonly text: string;
  /** HTTP's, where the format has its own way of saying what is wrong. */
  readonly status: number;

  constructor(contentType: string, text: string, status: number = 200) {
    this.contentType = contentType;
    this.text = text;
    this.status = status;
  }
}

/** What a handler answers: JSON to be printed as Google does, bytes of JSON made by hand, or text. */
export type RestReply = JsonValue | Uint8Array | TextReply;

/**
 * One method of one API. `template` is a google.api.http path with its verb, such as the one of
 * Publish: `/v1/{topic=projects/STAR/topics/STAR}:publish` with asterisks for STAR.
 */
export interface Route {
  /** Name for metrics and logs: `google.pubsub.v1.Publisher.Publish`. */
  readonly rpc: string;
  readonly method: HttpMethod;
  readonly template: string;
  /** The Cache-Control of its successes; none unless given. */
  readonly cacheControl?: string;
  handle(call: RestCall): Promise<RestReply> | RestReply;
  /** What the method's access rule asks about; the path's variables and the body unless given. */
  fields?(call: RestCall): FieldOf;
}
