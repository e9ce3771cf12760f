import type { OutgoingClient } from '../../outgoing/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { readChallenges } from './auth-challenge.ts';
import type { CredentialsFile } from './credentials-file.ts';
import {
  accessDenied,
  outgoingFailure,
  registryAnswerInvalid,
  registryUnavailable,
} from './image-errors.ts';
import { parseRecord } from './documents/json-document.ts';
import type { RegistryHosts, RegistryPlace } from './registry-hosts.ts';

/** One image in one registry, and for whom it is asked. */
export interface Repository {
  readonly place: RegistryPlace;
  readonly name: string;
  /** The whole reference, for messages. */
  readonly reference: string;
}

export interface RegistryAuthOptions {
  readonly outgoing: OutgoingClient;
  readonly hosts: RegistryHosts;
  readonly credentials: CredentialsFile;
  readonly clock: Clock;
}

interface Granted {
  readonly header: string;
  readonly untilMs: number;
}

const tokenTimeoutMs = 30_000;
const tokenBytesMax = 64 * 1024;
/** What the token specification has for an answer that does not say. */
const tokenSecondsDefault = 60;
const tokenSecondsMax = 24 * 3_600;
const grantedMax = 1_000;
/** A token must outlive the way to the registry. */
const marginMs = 5_000;

/** Answers what registries ask of us before they give an image: Basic, or a Bearer token. */
export class RegistryAuth {
  readonly #options: RegistryAuthOptions;
  readonly #granted: Map<string, Granted> = new Map();

  constructor(options: RegistryAuthOptions) {
    this.#options = options;
  }

  /** The `Authorization` that was granted for a repository and still holds. */
  current(repository: Repository): string | null {
    const key = keyOf(repository);
    const granted = this.#granted.get(key);
    if (granted === undefined) return null;
    if (this.#options.clock.monotonicMs() < granted.untilMs) return granted.header;
    this.#granted.delete(key);
    return null;
  }

  /** Answers a 401. Throws RpcError if there is nothing to answer it with. */
  async answer(repository: Repository, header: string, signal: AbortSignal): Promise<void> {
    const challenges = readChallenges(header);
    const basic = await this.#options.credentials.basicFor(repository.place.host);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) {
      return this.#grant(
        repository,
        await this.#token(repository, bearer.parameters, basic, signal),
      );
    }
    if (basic === null || !challenges.some(({ scheme }) => scheme === 'basic')) {
      throw accessDenied(repository.reference, repository.place.host);
    }
    this.#grant(repository, { header: basic, seconds: tokenSecondsDefault });
  }

  #grant(repository: Repository, { header, seconds }: { header: string; seconds: number }): void {
    const key = keyOf(repository);
    this.#granted.delete(key);
    const [oldest] = this.#granted.keys();
    if (oldest !== undefined && this.#granted.size >= grantedMax) this.#granted.delete(oldest);
    const livesMs = seconds * 1_000;
    const usedMs = livesMs - Math.min(marginMs, livesMs / 2);
    const untilMs = this.#options.clock.monotonicMs() + usedMs;
    this.#granted.set(key, { header, untilMs });
  }

  /** The scope is ours to choose, whatever the registry would have us ask for. */
  async #token(
    repository: Repository,
    parameters: ReadonlyMap<string, string>,
    basic: string | null,
    signal: AbortSignal,
  ): Promise<{ header: string; seconds: number }> {
    const { host } = repository.place;
    const realm = parameters.get('realm') ?? '';
    const url = this.#options.hosts.led(host, realm, 'about:blank', 'token realm');
    const service = parameters.get('service');
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', `repository:${repository.name}:pull`);
    const { status, body } = await this.#ask(url, basic, signal);
    if (status === 429 || status >= 500) {
      throw registryUnavailable(url.host, `it answered ${status} when asked for a token.`);
    }
    if (status !== 200) throw accessDenied(repository.reference, host);
    return tokenOf(url.host, body);
  }

  async #ask(
    url: URL,
    basic: string | null,
    signal: AbortSignal,
  ): Promise<{ status: number; body: Uint8Array }> {
    const headers = { accept: 'application/json', ...(basic !== null && { authorization: basic }) };
    try {
      return await this.#options.outgoing.send({
        url: url.href,
        method: 'GET',
        headers,
        body: new Uint8Array(0),
        timeoutMs: tokenTimeoutMs,
        responseBytesMax: tokenBytesMax,
        signal,
      });
    } catch (error) {
      throw outgoingFailure(url.host, error);
    }
  }
}

function tokenOf(host: string, body: Uint8Array): { header: string; seconds: number } {
  const json = parseRecord(body) ?? {};
  const token = json['token'] ?? json['access_token'];
  if (typeof token !== 'string' || !/^[\x21-\x7e]{1,16000}$/.test(token)) {
    throw registryAnswerInvalid(host, 'it gave no token');
  }
  const said = json['expires_in'];
  const seconds = typeof said === 'number' && said > 0 ? said : tokenSecondsDefault;
  return { header: `Bearer ${token}`, seconds: Math.min(seconds, tokenSecondsMax) };
}

function keyOf({ place, name }: Repository): string {
  return `${place.origin} ${name}`;
}
