/** What follows every service's own part of a Host. */
const suffix = '.localhost';

/** `us-central1-run`: where gcloud looks for the Run API of a region. */
const regionalRun = /^[a-z]+(-[a-z]+)+[0-9]+-run$/;

const ownNames = new Set(['localhost', '127.0.0.1', '[::1]', `run${suffix}`]);

/**
 * Which Hosts are the API's and which are services'. A page that an instance serves must never be
 * of one origin with the API, so every name below `localhost` is a service's unless it is listed.
 */
export class ServiceHosts {
  readonly #publicHosts: ReadonlySet<string>;

  /** `publicHosts`: names, without port, under which clients reach the API too. */
  constructor(publicHosts: readonly string[]) {
    this.#publicHosts = new Set(publicHosts.map((host) => host.toLowerCase()));
  }

  /** True if no service may ever be reached under this name: `localhost`, `run.localhost`. */
  isApiName(name: string): boolean {
    return (
      ownNames.has(name) ||
      this.#publicHosts.has(name) ||
      (name.endsWith(suffix) && regionalRun.test(name.slice(0, -suffix.length)))
    );
  }

  /** `hello` of `Hello.localhost.:8085`; undefined if it is not a service's. */
  prefixOf(host: string | undefined): string | undefined {
    const name = nameIn(host ?? '');
    if (!name.endsWith(suffix) || this.isApiName(name)) return undefined;
    return name.slice(0, -suffix.length);
  }
}

/** The name in `name[.][:port]` in lower case; empty if it is not of that form. */
function nameIn(host: string): string {
  return /^([a-z0-9_.-]*[a-z0-9_-])\.?(?::\d{1,5})?$/.exec(host.toLowerCase())?.[1] ?? '';
}
