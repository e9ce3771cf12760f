import { RpcError } from '../rpc/index.ts';
import type { ServiceFront } from '../vault/index.ts';

export interface PostureOptions {
  /** Host names beyond the loopback ones under which clients reach us, without port. */
  readonly publicHosts: readonly string[];
  /** Origins beyond our own that may call: `https://console.example.com`. */
  readonly allowOrigins: readonly string[];
  /** Origins whose pages may open a WebSocket with a browser token, and call nothing else. */
  readonly browserOrigins: readonly string[];
  /** What our own pages come over: `http` unless the port speaks TLS. */
  readonly scheme?: 'http' | 'https';
  /** Whose requests for some `*.localhost` are, which are then no names of ours. */
  readonly front?: Pick<ServiceFront, 'claims'>;
  /** Told of each request that is refused for its origin, whose text is the client's. */
  readonly onOriginRefused?: (origin: string) => void;
}

/** What browsers say of requests that no page of another origin began (W3C Fetch Metadata, 2.2). */
const ownSites = new Set(['same-origin', 'none']);

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Who may call at all. Loopback is no trust boundary: any web page can reach it, by a cross-site
 * request, which carries an Origin or, where it cannot read the answer, only a Sec-Fetch-Site, or
 * by a name that it points at 127.0.0.1, which is the Host.
 */
export class Posture {
  readonly #publicHosts: ReadonlySet<string>;
  readonly #allowOrigins: ReadonlySet<string>;
  readonly #browserOrigins: ReadonlySet<string>;
  readonly #scheme: 'http' | 'https';
  readonly #front: Pick<ServiceFront, 'claims'> | undefined;
  readonly #onOriginRefused: ((origin: string) => void) | undefined;

  constructor(options: PostureOptions) {
    this.#publicHosts = new Set(options.publicHosts.map((host) => host.toLowerCase()));
    this.#allowOrigins = new Set(options.allowOrigins.map((origin) => origin.toLowerCase()));
    this.#browserOrigins = new Set(options.browserOrigins.map((origin) => origin.toLowerCase()));
    this.#scheme = options.scheme ?? 'http';
    this.#front = options.front;
    this.#onOriginRefused = options.onOriginRefused;
  }

  /**
   * Throws PERMISSION_DENIED unless `host` (Host, or :authority) names us and `origin` may call;
   * where there is no Origin, `site` (Sec-Fetch-Site) may not be that of another's page.
   */
  check(host: string | undefined, origin: string | undefined, site: string | undefined): void {
    if (host === undefined || !this.#isOurs(host)) {
      throw new RpcError('PERMISSION_DENIED', 'HOST_NOT_ALLOWED', hostRefused(host ?? ''));
    }
    if (origin !== undefined && !this.#mayCall(origin, host)) {
      this.#onOriginRefused?.(origin);
      throw new RpcError('PERMISSION_DENIED', 'ORIGIN_NOT_ALLOWED', originRefused(origin));
    }
    if (origin === undefined && site !== undefined && !ownSites.has(site)) {
      throw new RpcError('PERMISSION_DENIED', 'ORIGIN_NOT_ALLOWED', siteRefused(site));
    }
  }

  /**
   * As `check`, for an upgrade to WebSocket: `token` is welcome with a browser token only. A browser
   * sends an Origin with each (RFC 6455, 10.2), and Sec-Fetch-Site says nothing more.
   */
  checkUpgrade(
    host: string | undefined,
    origin: string | undefined,
    site: string | undefined,
  ): 'trusted' | 'token' {
    const isBrowser = origin !== undefined && this.#browserOrigins.has(origin.toLowerCase());
    if (!isBrowser || this.#mayCall(origin, host ?? '')) {
      this.check(host, origin, site);
      return 'trusted';
    }
    this.check(host, undefined, undefined);
    return 'token';
  }

  /** As `check`, for the client's modules, which pages of `browserOrigins` load too. */
  checkModule(
    host: string | undefined,
    origin: string | undefined,
    site: string | undefined,
  ): void {
    this.checkUpgrade(host, origin, site);
  }

  /** True if answers to `origin` should carry CORS headers: it is allowed and not our own. */
  isAllowedOrigin(origin: string): boolean {
    return this.#allowOrigins.has(origin.toLowerCase());
  }

  /** True for a request of a page that did not come from `host` itself. */
  isCrossOrigin(origin: string | undefined, host: string | undefined): boolean {
    return origin !== undefined && !this.#isSameOrigin(origin, host ?? '');
  }

  #isOurs(host: string): boolean {
    // Of services, only what does not pass the front comes so far: gRPC.
    if (this.#front?.claims(host) === true) return false;
    const name = hostName(host);
    return loopbackHosts.has(name) || name.endsWith('.localhost') || this.#publicHosts.has(name);
  }

  #mayCall(origin: string, host: string): boolean {
    return this.#isSameOrigin(origin, host) || this.#allowOrigins.has(origin.toLowerCase());
  }

  #isSameOrigin(origin: string, host: string): boolean {
    return origin.toLowerCase() === `${this.#scheme}://${host.toLowerCase()}`;
  }
}

/** The host of `host[:port]` in lower case; empty if it is not of that form. */
function hostName(host: string): string {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?$/.exec(host.toLowerCase())?.[1] ?? '';
}

const hostRefused = (host: string): string =>
  `Requests for the host "${host.slice(0, 255)}" are refused. Name it with --public-host to serve it.`;

const originRefused = (origin: string): string =>
  `Requests from the origin "${origin.slice(0, 255)}" are refused. Name it with --allow-origin to serve it.`;

const siteRefused = (site: string): string =>
  `Requests without an origin from the site "${site.slice(0, 255)}" are refused. Send an origin that --allow-origin names.`;
