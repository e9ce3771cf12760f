import { timingSafeEqual } from 'node:crypto';

import { RpcError } from '../../rpc/index.ts';
import type { Mac } from '../delivery/ack-id.ts';
import type { Page, PageRequest } from '../service.ts';
import { invalidArgument } from '../limits.ts';

const pageSizeDefault = 100;
const pageSizeMax = 1_000;
const macBytes = 16;

/** A list in order: its first `limit` keys after `after`; all of them are after ''. */
export type KeysAfter = (after: string, limit: number) => string[];

/**
 * Pages of a list in order of its keys. A token names the last key of a page, so it survives
 * inserts and deletes, and is authenticated with the list it belongs to, so it fits no other.
 */
export class Pager {
  readonly #mac: Mac;

  constructor(mac: Mac) {
    this.#mac = mac;
  }

  /**
   * `list` names the list: method and parent. `fits` says how many of the keys a page has room for,
   * at least one.
   */
  page(
    list: string,
    keysAfter: KeysAfter,
    request: PageRequest,
    fits: (keys: readonly string[]) => number = ({ length }) => length,
  ): Page<string> {
    const { pageSize } = request;
    if (pageSize < 0 || pageSize > pageSizeMax) {
      throw invalidArgument(
        `page_size: ${pageSize}, valid values are between 0 and ${pageSizeMax}`,
      );
    }
    const after = request.pageToken === '' ? '' : this.keyOf(list, request.pageToken);
    const size = pageSize === 0 ? pageSizeDefault : pageSize;
    // One more than the page holds tells whether it is the last.
    const keys = keysAfter(after, size + 1);
    const items = keys.slice(0, Math.min(size, fits(keys)));
    const last = items.at(-1);
    const isLastPage = last === undefined || keys.length === items.length;
    return { items, nextPageToken: isLastPage ? '' : this.tokenOf(list, last) };
  }

  /** Names a key of a list, which is not empty. */
  tokenOf(list: string, key: string): string {
    return Buffer.concat([this.#macOf(list, key), Buffer.from(key)]).toString('base64url');
  }

  /** The key that a token of the same list names. Throws INVALID_ARGUMENT for any other. */
  keyOf(list: string, token: string): string {
    const bytes = Buffer.from(token, 'base64url');
    const key = bytes.toString('utf8', macBytes);
    const isGenuine =
      bytes.length > macBytes &&
      timingSafeEqual(bytes.subarray(0, macBytes), this.#macOf(list, key));
    if (isGenuine) return key;
    const shown = token.length > 200 ? `${token.slice(0, 200)}…` : token;
    throw new RpcError(
      'INVALID_ARGUMENT',
      'BAD_PAGE_TOKEN',
      `Invalid page token given (token=${shown}).`,
    );
  }

  #macOf(list: string, key: string): Buffer {
    const out = Buffer.alloc(macBytes);
    this.#mac(Buffer.from(`${list}\0${key}`), out);
    return out;
  }
}
