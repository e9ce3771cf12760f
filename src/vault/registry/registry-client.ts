import type { OutgoingResponse, OutgoingStream } from '../../outgoing/index.ts';
import {
  accessDenied,
  outgoingFailure,
  registryAnswerInvalid,
  registryUnavailable,
} from './image-errors.ts';
import { RegistryAuth, type RegistryAuthOptions, type Repository } from './registry-auth.ts';

/** Something of a repository: `manifests/latest`, `blobs/sha256:…`. */
export interface Asked {
  readonly repository: Repository;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

type Answer = Pick<OutgoingResponse, 'status' | 'headers'>;
type Send<Got extends Answer> = (
  url: string,
  headers: Readonly<Record<string, string>>,
) => Promise<Got>;

const redirectsMax = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const wholeTimeoutMs = 60_000;
const headTimeoutMs = 30_000;
const idleMs = 30_000;

/**
 * Asks registries: answers what they ask for first, follows where they send us among the hosts that
 * are allowed, and takes credentials to the registry itself only.
 */
export class RegistryClient {
  readonly #options: RegistryAuthOptions;
  readonly #auth: RegistryAuth;

  constructor(options: RegistryAuthOptions) {
    this.#options = options;
    this.#auth = new RegistryAuth(options);
  }

  /** A small answer, of any status but those that are failures; cut after `bytesMax` and one. */
  get(asked: Asked, bytesMax: number): Promise<OutgoingResponse> {
    const rest = { method: 'GET', body: new Uint8Array(0), timeoutMs: wholeTimeoutMs } as const;
    const { signal } = asked;
    const { outgoing } = this.#options;
    return this.#answered(
      asked,
      (url, headers) =>
        outgoing.send({ url, headers, signal, responseBytesMax: bytesMax + 1, ...rest }),
      () => undefined,
    );
  }

  /** A large one, to be read as it comes. */
  open(asked: Asked): Promise<OutgoingStream> {
    const rest = { method: 'GET', timeoutMs: headTimeoutMs, idleMs } as const;
    const { signal } = asked;
    return this.#answered(
      asked,
      (url, headers) => this.#options.outgoing.open({ url, headers, signal, ...rest }),
      ({ body }) => void body.destroy(),
    );
  }

  async #answered<Got extends Answer>(
    asked: Asked,
    send: Send<Got>,
    drop: (answer: Got) => void,
  ): Promise<Got> {
    const { place, name, reference } = asked.repository;
    const base = `${place.origin}/v2/${name}/${asked.path}`;
    let answer = await this.#followed(asked, base, send, drop);
    if (answer.status === 401) {
      drop(answer);
      const challenge = answer.headers['www-authenticate'] ?? '';
      await this.#auth.answer(asked.repository, challenge, asked.signal);
      answer = await this.#followed(asked, base, send, drop);
    }
    const refusal = refusalOf(answer.status, place.host, reference);
    if (refusal === null) return answer;
    drop(answer);
    throw refusal;
  }

  async #followed<Got extends Answer>(
    asked: Asked,
    base: string,
    send: Send<Got>,
    drop: (answer: Got) => void,
  ): Promise<Got> {
    const { place } = asked.repository;
    let url = new URL(base);
    for (let hops = 0; hops <= redirectsMax; hops++) {
      const answer = await this.#sent(url, this.#headersFor(asked, url), send);
      const { location } = answer.headers;
      const isHome = url.origin === place.origin;
      if (!redirects.has(answer.status)) return elsewhereDenied(asked, answer, isHome, drop);
      drop(answer);
      if (location === undefined) throw registryAnswerInvalid(url.host, 'a redirect to nowhere');
      url = this.#options.hosts.led(url.host, location, url.href, 'redirect');
    }
    throw registryAnswerInvalid(place.host, `more than ${redirectsMax} redirects`);
  }

  /** What was granted is for the registry alone: where it redirects to gets none of it. */
  #headersFor({ repository, headers }: Asked, url: URL): Record<string, string> {
    const isHome = url.origin === repository.place.origin;
    const granted = isHome ? this.#auth.current(repository) : null;
    return {
      ...headers,
      'accept-encoding': 'identity',
      ...(granted !== null && { authorization: granted }),
    };
  }

  async #sent<Got>(
    url: URL,
    headers: Readonly<Record<string, string>>,
    send: Send<Got & Answer>,
  ): Promise<Got & Answer> {
    try {
      return await send(url.href, headers);
    } catch (error) {
      throw outgoingFailure(url.host, error);
    }
  }
}

/** Only the registry's own question is answered: another host's is a refusal. */
function elsewhereDenied<Got extends Answer>(
  { repository: { reference, place } }: Asked,
  answer: Got,
  isHome: boolean,
  drop: (answer: Got) => void,
): Got {
  if (isHome || answer.status !== 401) return answer;
  drop(answer);
  throw accessDenied(reference, place.host);
}

function refusalOf(status: number, host: string, reference: string): Error | null {
  if (status === 401 || status === 403) return accessDenied(reference, host);
  if (status === 408 || status === 429 || status >= 500) {
    return registryUnavailable(host, `it answered ${status}.`);
  }
  return null;
}
