import { textIn, type JsonObject } from './json.ts';

export interface ResourceRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** After `/v1/`: `projects/p/topics/t`, with its verb, not escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
}

/**
 * The REST API of a server, wherever it is. Rejects with an error whose `code` is the API's status
 * (`NOT_FOUND`) and whose message is the API's sentence.
 */
export type ResourceApi = (request: ResourceRequest) => Promise<JsonObject>;

const pageSize = '1000';

/** The status of a refusal; empty if it is none. */
export function statusOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** What is at a path; null if nothing is. */
export async function find(
  api: ResourceApi,
  path: string,
  query?: ResourceRequest['query'],
): Promise<JsonObject | null> {
  try {
    return await api({ method: 'GET', path, ...(query && { query }) });
  } catch (error) {
    if (statusOf(error) === 'NOT_FOUND') return null;
    throw error;
  }
}

const unanswered = ['PERMISSION_DENIED', 'UNIMPLEMENTED'];

/**
 * Undefined where the server does not tell the caller: a check beforehand is then left to what is
 * done.
 */
export async function unlessUnanswered(
  answer: Promise<JsonObject | null>,
): Promise<JsonObject | null | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (unanswered.includes(statusOf(error))) return undefined;
    throw error;
  }
}

/** Every item of a list, page by page. */
export async function listAll(
  api: ResourceApi,
  path: string,
  field: string,
): Promise<JsonObject[]> {
  const items: JsonObject[] = [];
  let pageToken = '';
  do {
    const query = { pageSize, ...(pageToken !== '' && { pageToken }) };
    const page = await api({ method: 'GET', path, query });
    items.push(...((page[field] ?? []) as JsonObject[]));
    pageToken = textIn(page, 'nextPageToken');
  } while (pageToken !== '');
  return items;
}
