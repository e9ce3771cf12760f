import { type OutgoingClient, OutgoingError } from '../../outgoing/index.ts';

/** Whose keys are fetched, and from where. */
export interface IssuerPlace {
  /** As it stands in the claim `iss`. */
  readonly issuer: string;
  /** Null: where the discovery document says. */
  readonly jwksUri: string | null;
}

interface Fetching extends IssuerPlace {
  readonly outgoing: OutgoingClient;
  readonly signal: AbortSignal;
}

const timeoutMs = 5_000;
const answerBytesMax = 262_144;
const noBody = new Uint8Array(0);
const fromUtf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The keys of an issuer (RFC 7517), found by its discovery document (OpenID Connect Discovery 1.0,
 * 4) unless it is known where they are.
 *
 * @throws OutgoingError, SyntaxError, or Error with what is wrong with an answer
 */
export async function fetchIssuerKeys(fetching: Fetching): Promise<readonly unknown[]> {
  const place = fetching.jwksUri ?? (await discover(fetching));
  const { keys } = await fetchObject(fetching, place);
  if (Array.isArray(keys)) return keys;
  throw new Error('the key set has no list of keys');
}

async function discover(fetching: Fetching): Promise<string> {
  const base = fetching.issuer.replace(/\/$/, '');
  const document = await fetchObject(fetching, `${base}/.well-known/openid-configuration`);
  if (document['issuer'] !== fetching.issuer) {
    throw new Error('the discovery document is of another issuer');
  }
  const place = document['jwks_uri'];
  if (typeof place === 'string' && isTrustworthy(place, fetching.issuer)) return place;
  throw new Error('the discovery document names no key set that may be asked');
}

/** Over TLS; without it only where the issuer itself is on this machine without it. */
function isTrustworthy(place: string, issuer: string): boolean {
  const url = URL.parse(place);
  if (url === null) return false;
  if (url.protocol === 'https:') return true;
  const of = URL.parse(issuer);
  return url.protocol === 'http:' && of?.protocol === 'http:' && of.hostname === url.hostname;
}

async function fetchObject(
  { outgoing, signal }: Fetching,
  url: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await outgoing.send({
    url,
    method: 'GET',
    headers: { accept: 'application/json' },
    body: noBody,
    timeoutMs,
    signal,
    responseBytesMax: answerBytesMax,
  });
  if (status !== 200) throw new OutgoingError('malformed answer', `the answer is ${status}`);
  if (body.length >= answerBytesMax) throw new Error('the answer is too long');
  const value: unknown = JSON.parse(fromUtf8.decode(body));
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new Error('the answer is no JSON object');
}
