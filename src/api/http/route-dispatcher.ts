import { operator } from '../../iam/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';
import { parseJsonObject } from '../json/json-body.ts';
import { TextReply, type HttpMethod, type RestCall, type Route } from '../route.ts';
import { RouteTable } from './route-table.ts';

/** A REST request that this process makes of itself. */
export interface OwnRequest {
  readonly method: HttpMethod;
  /** `/v1/projects/p/topics/t` with its verb; names are not escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly [name: string]: JsonValue };
  /** What the audit log has of its sender. */
  readonly userAgent: string;
}

/** Calls the routes of this process as its operator, without a network and its checks. */
export class RouteDispatcher {
  readonly #table: RouteTable;
  /** Aborts when the server drains. */
  readonly #draining: AbortSignal;

  constructor(routes: readonly Route[], draining: AbortSignal) {
    this.#table = new RouteTable(routes);
    this.#draining = draining;
  }

  /** @throws RpcError what the method throws, UNIMPLEMENTED where there is no such route */
  async call(request: OwnRequest): Promise<JsonValue> {
    const { method, path } = request;
    const match = this.#table.match(method, escaped(path));
    if (match === undefined) {
      const message = `${method} ${path} is not served here.`;
      throw new RpcError('UNIMPLEMENTED', 'ROLE_NOT_SERVED', message);
    }
    const answer = await match.route.handle(ownCall(request, match.params, this.#draining));
    if (answer instanceof TextReply) return answer.text;
    if (!(answer instanceof Uint8Array)) return answer;
    return JSON.parse(new TextDecoder().decode(answer)) as JsonValue;
  }
}

function ownCall(
  { query, body, userAgent }: OwnRequest,
  params: RestCall['params'],
  signal: AbortSignal,
): RestCall {
  const text = body === undefined ? '' : JSON.stringify(body);
  const bytes = new TextEncoder().encode(text);
  return {
    principal: operator,
    isOwn: true,
    params,
    query: new URLSearchParams(query),
    body: bytes,
    json: () => parseJsonObject(bytes),
    host: undefined,
    isCrossOrigin: false,
    forceDestroy: false,
    userAgent,
    signal,
  };
}

/** `%` and the like may stand in ids; the colon before a verb stays. */
function escaped(path: string): string {
  const verb = /:[a-zA-Z]+$/.exec(path)?.[0] ?? '';
  const name = path.slice(0, path.length - verb.length);
  return name.split('/').map(encodeURIComponent).join('/') + verb;
}
