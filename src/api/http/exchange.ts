import type { IncomingMessage } from 'node:http';

import type { Principal } from '../../iam/index.ts';
import { withoutApiKeys } from '../access/http-credentials.ts';
import { nobody } from '../access/nobody.ts';
import type { HttpMethod } from '../route.ts';
import { wantsPretty } from './http-reply.ts';
import type { RouteMatch } from './route-table.ts';

/** One request and what has been found out about it so far. */
export class Exchange {
  readonly method: HttpMethod | undefined;
  /** Still encoded. */
  readonly path: string;
  /** Without API keys. */
  readonly query: string;
  /** Those of the query. */
  readonly apiKeys: readonly string[];
  readonly startedMs: number;
  readonly isPretty: boolean;
  /** As its sender gave it, before the server reads every body as JSON. */
  readonly contentType: string | undefined;
  /** Set once the request was let in and a route fits. */
  match: RouteMatch | undefined;
  /** Who calls, once that is known. */
  principal: Principal = nobody;

  constructor(raw: IncomingMessage & { originalUrl?: string }, startedMs: number) {
    const url = raw.originalUrl ?? raw.url ?? '/';
    const mark = url.indexOf('?');
    this.path = mark < 0 ? url : url.slice(0, mark);
    const { rest, apiKeys } = withoutApiKeys(mark < 0 ? '' : url.slice(mark + 1));
    this.query = rest;
    this.apiKeys = apiKeys;
    this.method = routedMethods[methodOf(raw)];
    this.startedMs = startedMs;
    this.isPretty = wantsPretty(this.query);
    this.contentType = raw.headers['content-type'];
  }

  get rpc(): string {
    return this.match?.route.rpc ?? '';
  }
}

/** Google's front ends let a POST stand for any method that a proxy would not let through. */
function methodOf({ method = '', headers }: IncomingMessage): string {
  const meant = headers['x-http-method-override'];
  return method === 'POST' && typeof meant === 'string' ? meant.trim().toUpperCase() : method;
}

/** HEAD is a GET whose body Node leaves out. */
const routedMethods: Readonly<Record<string, HttpMethod>> = {
  GET: 'GET',
  HEAD: 'GET',
  POST: 'POST',
  PUT: 'PUT',
  PATCH: 'PATCH',
  DELETE: 'DELETE',
};
