import { CommandError } from '../command/command-error.ts';
import { exitCodeOf, exitCodes } from '../command/exit-codes.ts';
import { keyRemedy } from './key-remedy.ts';
import { createOf, listOf } from './missing-resource.ts';
import { oneLine } from '../output/plain-text.ts';

/** What was asked for, by which a missing thing is known, and what the server said beside. */
interface Asked {
  readonly path?: string;
  readonly body?: unknown;
  /** In which way a message departs from its schema. */
  readonly why?: string;
  /** By what the caller said who he is. See Login.shown. */
  readonly shown?: string;
}

/** The server said no: its code, its reason if it named one, its own sentence. */
export class Refusal extends CommandError {
  override name = 'Refusal';
  readonly code: string;
  readonly reason: string;

  constructor(
    code: string,
    reason: string,
    message: string,
    { path = '', body, why = '', shown = '' }: Asked = {},
  ) {
    super(`${code}: ${oneLine(message)}${why === '' ? '' : ` (${oneLine(why)})`}`, {
      exitCode: exitCodeOf(code),
      hint: hintOf({ code, reason, message, path, body, shown }),
    });
    this.code = code;
    this.reason = reason;
  }

  /** Whether the same request may succeed in a moment. */
  get isPassing(): boolean {
    return ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'ABORTED', 'RESOURCE_EXHAUSTED'].includes(
      this.code,
    );
  }
}

const startHint = 'Is the server running? Start it with: npm start';
const addressHint = 'Look at the address: --server, or SEALPOST_SERVER.';

/** No answer: nobody listens, the name is unknown, the connection broke, time ran out. */
export class Unreachable extends CommandError {
  override name = 'Unreachable';
  /** Whether the server may answer in a moment: no waiting mends an address. */
  readonly isPassing: boolean;
  /** Nothing was sent: no connection came about. */
  readonly isUnsent: boolean;

  constructor(
    server: string,
    why: string,
    isUnsent: boolean = false,
    isPassing: boolean = true,
    hint: string = isPassing ? startHint : addressHint,
  ) {
    super(`${server} ${why}.`, { exitCode: exitCodes.unreachable, hint });
    this.isPassing = isPassing;
    this.isUnsent = isUnsent;
  }
}

const hints: Readonly<Record<string, string>> = {
  KEY_PRIMARY_VERSION_MISSING: 'Make a version primary: sealpost keys versions primary KEY VERSION',
  // The doctor is named where it knows more than the refusal said.
  SUBSCRIPTION_DETACHED: 'sealpost doctor says what to do.',
  HOST_NOT_ALLOWED: 'Start the server with --public-host and this name.',
};

/** Of refusals whose reason does not reach clients. */
const hintsByMessage: Readonly<Record<string, string>> = {
  'Exactly-once delivery is not supported for push subscriptions.':
    'Drop one of the two: exactly-once delivery, or the push endpoint.',
};

const hintsByCode: Readonly<Record<string, string>> = {
  UNAVAILABLE: 'Try again in a moment.',
  RESOURCE_EXHAUSTED: 'Try again in a moment.',
  ABORTED: 'Try again.',
  UNAUTHENTICATED: 'Say who you are: --credentials FILE, or an API key in SEALPOST_API_KEY.',
};

interface Answer {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly path: string;
  readonly body: unknown;
  readonly shown: string;
}

function hintOf({ code, reason, message, path, body, shown }: Answer): string {
  if (code === 'UNAUTHENTICATED' && shown !== '') {
    return `The server refused ${shown}: disabled, deleted, expired, or for another server.`;
  }
  const remedy = keyRemedy(message);
  if (remedy !== undefined) return `Try: ${remedy}`;
  if (code === 'NOT_FOUND') {
    const create = createOf(message, path, body);
    const next = create === undefined ? '' : `\nNext: ${create}`;
    return `Look for it with: ${listOf(message, path)}${next}`;
  }
  // It is named alone where it is not served; who adds it needs one thing more.
  if (message.includes('with the role vault')) return 'It needs --insecure too, as it runs code.';
  return hints[reason] ?? hintsByMessage[message] ?? hintsByCode[code] ?? '';
}

/** google.rpc.Status in the JSON of an answer that is no success; `asked` was the request. */
export function refusalOf(status: number, body: unknown, asked: Asked): Refusal {
  const { error } = (body ?? {}) as {
    error?: { status?: unknown; message?: unknown; details?: unknown };
  };
  if (typeof error?.status !== 'string') {
    return new Refusal(status === 404 ? 'UNIMPLEMENTED' : 'UNKNOWN', '', unexpected(status));
  }
  const details = Array.isArray(error.details) ? (error.details as Detail[]) : [];
  const reason = details.map((detail) => detail.reason).find((each) => typeof each === 'string');
  const why = schemaVerdict(details);
  return new Refusal(error.status, reason ?? '', String(error.message), { ...asked, why });
}

interface Detail {
  readonly reason?: string;
  readonly metadata?: { readonly revisionInfo?: unknown };
}

/** `revision_id=c7cfa2a8 failed with status: …`; empty unless a schema was not kept to. */
function schemaVerdict(details: readonly Detail[]): string {
  const infos = details.map(({ metadata }) => metadata?.revisionInfo);
  const info = infos.find((each) => typeof each === 'string') ?? '';
  return info.replace(/^.*?last checked revision: /s, '').slice(0, verdictLengthMax);
}

const verdictLengthMax = 600;

const unexpected = (status: number): string =>
  `the answer is HTTP ${status} and no Sealpost answer. Is another program, or an older Sealpost, at this address?`;

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'broke the connection',
  EPIPE: 'broke the connection',
  UND_ERR_SOCKET: 'broke the connection',
  ENOTFOUND: 'has a name that no address is known for',
  EAI_AGAIN: 'has a name that cannot be looked up now',
  ETIMEDOUT: 'does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'does not answer',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  UND_ERR_HEADERS_TIMEOUT: 'does not answer',
  UND_ERR_BODY_TIMEOUT: 'does not answer',
  EADDRNOTAVAIL: 'cannot be reached, as this machine has no port left',
};

const untrusted = 'has a certificate of an authority that is not known';

/** No waiting mends these, nor any code that is not known. */
const finalCauses: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'speaks no TLS: its address may begin with http://',
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  CERT_HAS_EXPIRED: 'has a certificate that has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a certificate for other names',
  'bad port': 'has a port that is kept for other protocols, and is never asked for HTTP',
};

const hintsByCause: Readonly<Record<string, string>> = {
  [untrusted]: "Name the authority's certificate: --ca FILE, or SEALPOST_CA.",
  'has a certificate that has expired':
    'Whoever runs the server renews it; the server reads it again on SIGHUP.',
  'has a certificate for other names': 'Call it by a name of its certificate: --server.',
};

/** The port wants TLS, and says so to who speaks in the clear. */
export function wantsTls(server: string, text: string): Unreachable | undefined {
  if (!text.startsWith('This port speaks TLS')) return undefined;
  const hint = `Call it at ${server.replace(/^http:/, 'https:')}.`;
  return new Unreachable(server, 'speaks TLS: use https', true, false, hint);
}

/** What a failed connection means, from the error codes that Node gives. */
export function unreachable(server: string, error: unknown): Unreachable {
  const code = codeOf(error);
  const passing = causes[code];
  if (passing !== undefined) return new Unreachable(server, passing, code === 'ECONNREFUSED');
  const speech = code.startsWith('HPE_') ? 'speaks no HTTP' : `cannot be reached (${code})`;
  const cause = finalCauses[code] ?? speech;
  return new Unreachable(server, cause, true, false, hintsByCause[cause]);
}

function codeOf(error: unknown): string {
  const { cause, code, errors } = error as { cause?: unknown; code?: unknown; errors?: unknown[] };
  if (typeof code === 'string') return code;
  if (cause !== undefined) return codeOf(cause);
  if (errors?.[0] !== undefined) return codeOf(errors[0]);
  return error instanceof Error ? oneLine(error.message) : 'unknown';
}
