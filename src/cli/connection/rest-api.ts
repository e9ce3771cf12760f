import type { Clock } from '../../runtime/index.ts';
import type { Login } from '../login/login.ts';
import { refusalOf, Unreachable, unreachable, wantsTls } from './refusal.ts';

/** JSON of an API, read loosely: a newer server may say more. */
export interface Json {
  readonly [name: string]: unknown;
}

/** A field that is text or a number, as text; empty if it is not there. */
export function textIn(json: Json, field: string): string {
  const value = json[field];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

type Query = Readonly<Record<string, string | number | undefined>>;

export interface RequestOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const answerMsMax = 60_000;
const pageSize = 1000;

/**
 * The public REST API of one server. A name of a resource is a path whose segments are escaped here.
 * Throws Refusal for what the server refuses, Unreachable if it does not answer.
 */
export class RestApi {
  /** `http://127.0.0.1:8085`. */
  readonly server: string;
  readonly #clock: Clock;
  readonly #login: Pick<Login, 'headers' | 'shown'>;

  constructor(server: string, clock: Clock, login: Pick<Login, 'headers' | 'shown'> = anonymous) {
    this.server = server;
    this.#clock = clock;
    this.#login = login;
  }

  get(path: string, query?: Query): Promise<Json> {
    return this.call('GET', path, query === undefined ? {} : { query });
  }

  post(path: string, body: unknown, options: RequestOptions = {}): Promise<Json> {
    return this.call('POST', path, { ...options, body });
  }

  put(path: string, body: unknown): Promise<Json> {
    return this.call('PUT', path, { body });
  }

  patch(path: string, body: unknown, query?: Query): Promise<Json> {
    return this.call('PATCH', path, { body, ...(query === undefined ? {} : { query }) });
  }

  delete(path: string): Promise<Json> {
    return this.call('DELETE', path);
  }

  /** Every item of a list, page by page. */
  async list(path: string, field: string): Promise<Json[]> {
    const items: Json[] = [];
    let pageToken: string | undefined;
    do {
      const page = await this.get(path, { pageSize, pageToken });
      items.push(...((page[field] ?? []) as Json[]));
      pageToken = page['nextPageToken'] as string | undefined;
    } while (pageToken !== undefined && pageToken !== '');
    return items;
  }

  async call(method: string, path: string, options: RequestOptions = {}): Promise<Json> {
    const root = /^(sealpost|v2)\//.test(path) ? '' : 'v1/';
    const { status, text } = await this.#fetch(method, root + escaped(path), options);
    const body = parsed(text);
    if (status >= 200 && status < 300 && body !== undefined) return body;
    const { shown } = this.#login;
    throw (
      wantsTls(this.server, text) ?? refusalOf(status, body, { path, body: options.body, shown })
    );
  }

  /** A page beside the APIs, such as `metrics`: its HTTP status and text. */
  page(path: string): Promise<{ readonly status: number; readonly text: string }> {
    return this.#fetch('GET', path, {});
  }

  async #fetch(
    method: string,
    path: string,
    { query, body, headers, signal }: RequestOptions,
  ): Promise<{ status: number; text: string }> {
    const url = new URL(`/${path}`, this.server);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const shown = this.#login.headers();
    const late = new AbortController();
    const dueMs = this.#clock.monotonicMs() + answerMsMax;
    const cancel = this.#clock.schedule(dueMs, () => late.abort());
    try {
      const response = await fetch(url, {
        method,
        redirect: 'manual',
        signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
        headers: { ...shown, ...(body === undefined ? {} : json), ...headers },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      if (signal?.aborted === true) throw error;
      if (late.signal.aborted) throw new Unreachable(this.server, 'does not answer');
      throw unreachable(this.server, error);
    } finally {
      cancel();
    }
  }
}

const anonymous: Pick<Login, 'headers' | 'shown'> = { headers: () => ({}), shown: '' };

const json = { 'content-type': 'application/json' };

/** `%` and the like may stand in ids; the colon before a verb stays. */
function escaped(path: string): string {
  const verb = /:[a-zA-Z]+$/.exec(path)?.[0] ?? '';
  const name = path.slice(0, path.length - verb.length);
  return name.split('/').map(encodeURIComponent).join('/') + verb;
}

function parsed(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}
