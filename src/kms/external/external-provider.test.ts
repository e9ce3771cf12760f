import { describe, expect, test } from 'vitest';

import { RpcError } from '../../rpc/index.ts';
import { silentLogger } from '../../runtime/index.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { EkmCall } from './ekm-client.ts';
import { isTransientKeyError } from './ekm-error.ts';
import type { EkmAnswer, EkmRequest } from './ekm-transport.ts';
import { externalProvider, type ExternalProvider } from './external-provider.ts';

const uri = 'https://ekm.example.com/v0/key';
const version = 'projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1';
const use = {
  name: version,
  algorithm: 'EXTERNAL_SYMMETRIC_ENCRYPTION',
  material: { uri },
  reason: 'CUSTOMER_INITIATED_ACCESS',
  resource: 'projects/p/topics/t',
} as const;
const nothing = new Uint8Array(0);
const secret = new Uint8Array(32).fill(7);

interface Bench {
  readonly provider: ExternalProvider;
  readonly clock: VirtualClock;
  readonly requests: (EkmRequest & { readonly text: string })[];
  readonly calls: EkmCall[];
  readonly disabled: string[];
}

/** A provider whose every call is answered by `answer`. */
function open(answer: (request: EkmRequest, text: string) => EkmAnswer): Bench {
  const clock = new VirtualClock();
  const requests: Bench['requests'] = [];
  const calls: EkmCall[] = [];
  const disabled: string[] = [];
  const provider = externalProvider({
    transport: {
      async post(request) {
        const text = Buffer.from(request.body).toString();
        requests.push({ ...request, text });
        return answer(request, text);
      },
    },
    hosts: ['ekm.example.com'],
    bearer: async ({ audience, projectId }) => `token-for-${audience}-of-${projectId}`,
    deadlineMs: 250,
    clock,
    entropy: new SeededEntropy(3),
    log: silentLogger,
    observer: { ekmCall: (call) => calls.push(call) },
  });
  provider.onDenied(async (name) => void disabled.push(name));
  return { provider, clock, requests, calls, disabled };
}

const json = (message: object, status = 200): EkmAnswer => ({
  status,
  body: new TextEncoder().encode(JSON.stringify(message)),
});
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const wrapping = (): EkmAnswer => json({ wrappedBlob: 'AAAA' });

async function refusal(asked: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await asked.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof RpcError) return error;
  throw new Error(`no RpcError: ${String(error)}`);
}

describe('a call', () => {
  test('goes to the key with a token for its host, says why and for what, and has a deadline', async () => {
    const { provider, requests, calls } = open(wrapping);
    await provider.seal(use, secret, nothing);
    expect(requests[0]).toMatchObject({
      url: `${uri}:wrap`,
      timeoutMs: 250,
      headers: {
        authorization: 'Bearer token-for-ekm.example.com-of-p',
        'content-type': 'application/json',
        'x-sealpost-resource': 'projects/p/topics/t',
      },
    });
    expect(JSON.parse(requests[0]!.text)).toMatchObject({
      plaintext: base64(secret),
      additionalContext: { accessReasonContext: { reason: 'CUSTOMER_INITIATED_ACCESS' } },
    });
    expect(calls).toEqual([{ operation: 'wrap', outcome: 'OK', ms: 0 }]);
  });

  test('overwrites the key in what was sent and what was received', async () => {
    const body = new TextEncoder().encode(JSON.stringify({ plaintext: base64(secret) }));
    const { provider, requests } = open((request) =>
      request.url.endsWith(':wrap') ? wrapping() : { status: 200, body },
    );
    await provider.seal(use, secret, nothing);
    expect(requests[0]!.text).toContain(base64(secret));
    expect(requests[0]!.body.every((byte) => byte === 0)).toBe(true);
    const { plaintext } = await provider.unseal(use, secret, nothing);
    expect(plaintext).toEqual(secret);
    expect(body.every((byte) => byte === 0)).toBe(true);
  });

  test('binds version and associated data, length by length', async () => {
    const { provider, requests } = open(wrapping);
    const bound = async (name: string, aad: string): Promise<string> => {
      await provider.seal({ ...use, name }, secret, new TextEncoder().encode(aad));
      const { additionalAuthenticatedData } = JSON.parse(requests.at(-1)!.text) as {
        additionalAuthenticatedData: string;
      };
      return additionalAuthenticatedData;
    };
    const all = [
      await bound(`${version}0`, '1'),
      await bound(version, '01'),
      await bound(version, ''),
      await bound(version, '1'),
    ];
    expect(new Set(all).size).toBe(4);
  });

  test('gives allowed_cache_duration on, and nothing where nothing is said', async () => {
    let more: object = { allowedCacheDuration: '90s' };
    const { provider } = open(() => json({ plaintext: base64(secret), ...more }));
    expect(await provider.unseal(use, secret, nothing)).toEqual({
      plaintext: secret,
      cacheMs: 90_000,
    });
    more = {};
    expect(await provider.unseal(use, secret, nothing)).toEqual({ plaintext: secret });
    more = { allowedCacheDuration: 'forever' };
    const error = await refusal(provider.unseal(use, secret, nothing));
    expect(error.reason).toBe('UNEXPECTED_RESPONSE');
  });
});

/** Cloud EKM's error reference: what is answered, what becomes of it, and whether it is retriable. */
const outcomes: readonly (readonly [string, EkmAnswer, string, string, boolean])[] = [
  [
    '403',
    json({}, 403),
    'EXTERNAL_PERMISSION_DENIED',
    'Permission was denied when accessing the key.',
    false,
  ],
  [
    '401',
    json({}, 401),
    'EXTERNAL_PERMISSION_DENIED',
    'Permission was denied when accessing the EKM host.',
    false,
  ],
  ['404', json({}, 404), 'EXTERNAL_NOT_FOUND', 'Could not find a key.', false],
  ['410', json({}, 410), 'EXTERNAL_NOT_FOUND', 'Could not find a key.', false],
  [
    '429',
    json({}, 429),
    'EXTERNAL_RESOURCE_EXHAUSTED',
    'Throttled when trying to access key URI.',
    true,
  ],
  ['408', json({}, 408), 'TIMEOUT', 'Timed out when trying to access the key.', true],
  ['504', json({}, 504), 'TIMEOUT', 'Timed out when trying to access the key.', true],
  [
    '502',
    json({}, 502),
    'UNREACHABLE_NETWORK',
    'Could not reach the key due to an external networking error.',
    true,
  ],
  [
    '503',
    json({}, 503),
    'OVERLOADED_EKM',
    'Could not reach the key because the external key manager reports that it is overloaded.',
    true,
  ],
  [
    '500',
    json({}, 500),
    'EXTERNAL_SERVER_ERROR',
    'External server error when trying to access the key.',
    false,
  ],
  [
    '501',
    json({}, 501),
    'EXTERNAL_NOT_IMPLEMENTED',
    "The external key manager indicated they have not implemented the appropriate method to support Cloud KMS's Encrypt.",
    false,
  ],
  [
    '409',
    json({}, 409),
    'UNEXPECTED_ERROR',
    'Got unexpected error when trying to access the key.',
    false,
  ],
  [
    '302',
    json({}, 302),
    'UNEXPECTED_RESPONSE',
    'Got garbled or unusable response when trying to access the key.',
    false,
  ],
  [
    '204',
    json({}, 204),
    'UNEXPECTED_RESPONSE',
    'Got garbled or unusable response when trying to access the key.',
    false,
  ],
  [
    'no blob',
    json({}),
    'UNEXPECTED_RESPONSE',
    'Got garbled or unusable response when trying to access the key.',
    false,
  ],
  [
    'an empty blob',
    json({ wrappedBlob: '' }),
    'UNEXPECTED_RESPONSE',
    'Got garbled or unusable response when trying to access the key.',
    false,
  ],
  [
    'a long blob',
    json({ wrappedBlob: base64(new Uint8Array(96 * 1024 + 1)) }),
    'UNEXPECTED_RESPONSE',
    'Got garbled or unusable response when trying to access the key.',
    false,
  ],
  [
    'no name',
    { failure: 'name not found', text: '' },
    'DNS',
    'Could not resolve the domain name for EKM host.',
    false,
  ],
  [
    'no connection',
    { failure: 'unreachable', text: '' },
    'UNREACHABLE_NETWORK',
    'Could not reach the key due to an external networking error.',
    true,
  ],
  [
    'no answer in time',
    { failure: 'timeout', text: '' },
    'TIMEOUT',
    'Timed out when trying to access the key.',
    true,
  ],
  [
    'no certificate',
    { failure: 'tls', text: '' },
    'TLS_CERT',
    'Could not validate the TLS server certificate for the EKM host.',
    false,
  ],
  [
    'a refused address',
    { failure: 'address refused', text: '' },
    'EXTERNAL_KEY_HOST_NOT_WHITELISTED',
    'Key URI host is not supported.',
    false,
  ],
  [
    'no HTTP',
    { failure: 'malformed answer', text: '' },
    'UNEXPECTED_RESPONSE',
    'Got garbled or unusable response when trying to access the key.',
    false,
  ],
  [
    'a stop',
    { failure: 'cancelled', text: '' },
    'REQUEST_CANCELLED',
    'The request was cancelled when trying to access the key.',
    true,
  ],
];

describe('an answer that is no blob', () => {
  test.each(outcomes)('%s', async (_what, answer, domain, sentence, isTransient) => {
    const { provider, calls } = open(() => answer);
    const error = await refusal(provider.seal(use, secret, nothing));
    const state = domain === 'EXTERNAL_PERMISSION_DENIED' && sentence.endsWith('key.');
    expect(error).toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: domain,
      message: expect.stringContaining(`${sentence} Key URI: ${uri}.`),
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
          violations: [
            { type: state ? 'KEY_DISABLED' : 'KEY_ENABLED', subject: version },
            { type: domain, subject: uri },
          ],
        },
      ],
    });
    expect(isTransientKeyError(error)).toBe(isTransient);
    expect(calls.map(({ operation }) => operation)).toEqual(['wrap']);
  });

  test('400 to an unwrap says that it is not the key’s blob: INVALID_ARGUMENT, and the key is asked again', async () => {
    const { provider, requests } = open(() => json({}, 400));
    for (let n = 1; n <= 2; n++) {
      expect(await refusal(provider.unseal(use, secret, nothing))).toMatchObject({
        code: 'INVALID_ARGUMENT',
        reason: 'DECRYPTION_FAILED',
        message: expect.stringMatching(
          /^Decryption failed: The EKM reports that decryption failed\./,
        ),
      });
      expect(requests).toHaveLength(n);
    }
  });

  test('is told with a text of ours, never with one of the other side', async () => {
    const { provider } = open(() => json({ error: 'SPLENDID TEXT' }, 500));
    const { message } = await refusal(provider.seal(use, secret, nothing));
    expect(message).toMatch(/It answered HTTP 500\.$/);
    expect(message).not.toContain('SPLENDID');
  });
});

describe('a key that its owner denies', () => {
  test('403 disables the version before it is answered; 401 does not', async () => {
    const { provider, disabled } = open(() => json({}, 403));
    await refusal(provider.seal(use, secret, nothing));
    await refusal(provider.unseal(use, secret, nothing));
    expect(disabled).toEqual([version, version]);
    const unknown = open(() => json({}, 401));
    await refusal(unknown.provider.seal(use, secret, nothing));
    expect(unknown.disabled).toEqual([]);
  });

  test('a version that cannot be disabled is refused all the same', async () => {
    const { provider } = open(() => json({}, 403));
    provider.onDenied(() => Promise.reject(new Error('no disk')));
    const error = await refusal(provider.seal(use, secret, nothing));
    expect(error.reason).toBe('EXTERNAL_PERMISSION_DENIED');
    expect(error.details).toMatchObject([{ violations: [{ type: 'KEY_ENABLED' }, {}] }]);
  });

  test('a refusal stands for a second without a call, for this key alone; an outage does not', async () => {
    let answer = json({}, 404);
    const { provider, requests, clock } = open(() => answer);
    for (let n = 0; n < 50; n++) await refusal(provider.unseal(use, secret, nothing));
    expect(requests).toHaveLength(1);
    await refusal(provider.seal(use, secret, nothing));
    expect(requests).toHaveLength(1);
    await refusal(provider.unseal({ ...use, material: { uri: `${uri}2` } }, secret, nothing));
    expect(requests).toHaveLength(2);
    await clock.advance(1_000);
    answer = json({}, 503);
    for (let n = 0; n < 3; n++) await refusal(provider.unseal(use, secret, nothing));
    expect(requests).toHaveLength(5);
  });
});

describe('where a key may be', () => {
  test.each([
    ['http://ekm.example.com/k', 'EXTERNAL_KEY_URI_INVALID', 'Key URI has invalid format.'],
    ['https://ekm.example.com', 'EXTERNAL_KEY_URI_INVALID', 'Key URI has invalid format.'],
    [
      'https://other.example.com/k',
      'EXTERNAL_KEY_HOST_NOT_WHITELISTED',
      'Key URI host is not supported.',
    ],
    [
      'https://x.ekm.example.com/k',
      'EXTERNAL_KEY_HOST_NOT_WHITELISTED',
      'Key URI host is not supported.',
    ],
  ])('%s is refused before anything is sent', async (text, domain, sentence) => {
    const { provider, requests } = open(wrapping);
    const made = provider.generate(use, { uri: text });
    expect(await refusal(made)).toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: domain,
      message: expect.stringContaining(sentence),
    });
    expect(requests).toEqual([]);
  });
});

describe('a new version', () => {
  /** Gives back what it got, as `change` has it. */
  const echoing =
    (change: (bytes: Buffer) => Uint8Array) => (request: EkmRequest, text: string) => {
      const { plaintext = '', wrappedBlob = '' } = JSON.parse(text) as Record<string, string>;
      return request.url.endsWith(':wrap')
        ? json({ wrappedBlob: plaintext })
        : json({ plaintext: base64(change(Buffer.from(wrappedBlob, 'base64'))) });
    };

  test('is the key at its URI, once that gave back what it got', async () => {
    const { provider, requests } = open(echoing((bytes) => bytes));
    expect(await provider.generate(use, { uri })).toEqual({ uri });
    expect(requests.map(({ url }) => url)).toEqual([`${uri}:wrap`, `${uri}:unwrap`]);
    for (const { text } of requests) {
      expect(JSON.parse(text)).toMatchObject({ additionalContext: { isKeyHealthCheck: true } });
    }
  });

  test('is refused if it gave back other bytes', async () => {
    const { provider } = open(echoing((bytes) => bytes.toReversed()));
    const error = await refusal(provider.generate(use, { uri }));
    expect(error.reason).toBe('UNEXPECTED_RESPONSE');
  });

  test('that is denied disables nothing, for there is none', async () => {
    const { provider, disabled } = open(() => json({}, 403));
    await refusal(provider.generate(use, { uri }));
    expect(disabled).toEqual([]);
  });

  test('needs a URI, and the one algorithm', async () => {
    const { provider } = open(wrapping);
    expect(await refusal(provider.generate(use, null))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    const raw = { name: version, algorithm: 'AES_256_GCM' } as const;
    expect(await refusal(provider.generate(raw, { uri }))).toMatchObject({ code: 'UNIMPLEMENTED' });
  });
});
