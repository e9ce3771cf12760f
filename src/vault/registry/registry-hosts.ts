import { hostNotAllowed } from './image-errors.ts';

/** Another place for the images of a registry. */
export interface Mirror {
  /** As references name the registry: `us-docker.pkg.dev`. */
  readonly host: string;
  /** `http://127.0.0.1:5055`. */
  readonly url: string;
}

/** Where the images of one registry are asked for. */
export interface RegistryPlace {
  /** `https://registry-1.docker.io`, `http://127.0.0.1:5055`. */
  readonly origin: string;
  /** As credentials name it: `docker.io`, `127.0.0.1:5055`. */
  readonly host: string;
}

/** Docker Hub serves its images, and gives its tokens, from names of its own. */
const dockerHub = { host: 'docker.io', place: 'registry-1.docker.io', realm: 'auth.docker.io' };

/** The registries that may be called, and where each is. Everything else is refused by name. */
export class RegistryHosts {
  readonly #named: Set<string>;
  /** `host[:port]` as URLs have it. */
  readonly #callable: Set<string> = new Set();
  readonly #mirrors: ReadonlyMap<string, string>;

  /** `hosts` are `host[:port]`, lower case. */
  constructor(hosts: readonly string[], mirrors: readonly Mirror[]) {
    const named = [...hosts, ...mirrors.map(({ host }) => host)].map(withoutDefaultPort);
    this.#named = new Set(named);
    this.#mirrors = new Map(mirrors.map(({ host, url }) => [withoutDefaultPort(host), url]));
    for (const host of hosts) this.#callable.add(new URL(`https://${host}`).host);
    for (const { url } of mirrors) this.#callable.add(new URL(url).host);
    if (this.#callable.has(dockerHub.host)) {
      this.#callable.add(dockerHub.place).add(dockerHub.realm);
    }
  }

  /** The registries from which images may be named. */
  get names(): string[] {
    return [...this.#named];
  }

  /** Null for a registry that is not allowed. */
  placeOf(host: string): RegistryPlace | null {
    const name = withoutDefaultPort(host);
    if (!this.#named.has(name)) return null;
    const mirror = this.#mirrors.get(name);
    if (mirror !== undefined) {
      const url = new URL(mirror);
      return { origin: url.origin, host: url.host };
    }
    if (name === dockerHub.host) return { origin: `https://${dockerHub.place}`, host: name };
    const { hostname } = new URL(`https://${name}`);
    const scheme = isLoopback(hostname) ? 'http' : 'https';
    return { origin: new URL(`${scheme}://${name}`).origin, host: name };
  }

  /**
   * The place that `from` (a host) sends us to. Throws RpcError unless it is allowed: a registry of
   * ours, by TLS unless it is on loopback.
   */
  led(from: string, location: string, base: string, why: string): URL {
    const url = URL.parse(location, base);
    if (url === null || !/^https?:$/.test(url.protocol) || url.username + url.password !== '') {
      throw hostNotAllowed(from, `its ${why} is no URL that may be asked.`);
    }
    if (!this.#callable.has(url.host)) {
      const text = `the ${why} of ${from} leads there, and no --registry-host names it.`;
      throw hostNotAllowed(url.host, text);
    }
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
      throw hostNotAllowed(url.host, `the ${why} of ${from} leads there by plain HTTP.`);
    }
    return url;
  }
}

function withoutDefaultPort(host: string): string {
  return host.replace(/:443$/, '');
}

/** `hostname` as URLs have it: an IPv4 address has one spelling there, an IPv6 one brackets. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
