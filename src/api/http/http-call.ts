import type { IncomingHttpHeaders, ServerResponse } from 'node:http';

import type { Principal } from '../../iam/index.ts';
import type { CallerClaims } from '../../remote-kms/index.ts';
import type { Access } from '../access/access.ts';
import { believedClaims } from '../access/caller-claims.ts';
import { callerIpOf, forceDestroyHeader } from '../method.ts';
import type { RestCall } from '../route.ts';
import { parseJsonObject, type JsonObject } from '../json/json-body.ts';
import type { RouteMatch } from './route-table.ts';

export interface HttpCallParts {
  readonly match: RouteMatch;
  readonly principal: Principal;
  readonly access: Access;
  /** Without its question mark. */
  readonly query: string;
  /** Decompressed. */
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  readonly isCrossOrigin: boolean;
  readonly response: ServerResponse;
  readonly draining: AbortSignal;
}

/** A matched request as its route's handler sees it; what few handlers want is made on demand. */
export class HttpCall implements RestCall {
  readonly principal: Principal;
  readonly params: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  readonly isCrossOrigin: boolean;
  readonly #access: Access;
  readonly #query: string;
  readonly #response: ServerResponse;
  readonly #draining: AbortSignal;
  #parsedQuery: URLSearchParams | undefined;
  #abort: AbortController | undefined;

  constructor(parts: HttpCallParts) {
    const { match, query, body, contentType, isCrossOrigin, response, draining } = parts;
    this.principal = parts.principal;
    this.#access = parts.access;
    this.params = match.params;
    this.body = body;
    this.contentType = contentType;
    this.isCrossOrigin = isCrossOrigin;
    this.#query = query;
    this.#response = response;
    this.#draining = draining;
  }

  get callerIp(): string | undefined {
    return callerIpOf(this.#response.req.socket.remoteAddress);
  }

  get host(): string | undefined {
    return this.#headers.host;
  }

  get accept(): string | undefined {
    return this.#headers.accept;
  }

  get userAgent(): string | undefined {
    return this.#headers['user-agent'];
  }

  get forceDestroy(): boolean {
    return this.#headers[forceDestroyHeader] === 'true';
  }

  get callerClaims(): CallerClaims {
    const header = (name: string): string | undefined => this.#headers[name]?.toString();
    return believedClaims(this.#access, this.principal, header);
  }

  tell(name: string, value: string): void {
    this.#response.setHeader(name, value);
  }

  get query(): URLSearchParams {
    return (this.#parsedQuery ??= new URLSearchParams(this.#query));
  }

  json(): JsonObject {
    return parseJsonObject(this.body);
  }

  get #headers(): IncomingHttpHeaders {
    return this.#response.req.headers;
  }

  get signal(): AbortSignal {
    return (this.#abort ??= this.#watch()).signal;
  }

  /** Aborts with the connection, or with the server; neither is watched before it is asked for. */
  #watch(): AbortController {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    if (this.#draining.aborted || this.#response.destroyed) abort();
    this.#draining.addEventListener('abort', abort, { once: true });
    this.#response.once('close', () => {
      this.#draining.removeEventListener('abort', abort);
      abort();
    });
    return controller;
  }
}
