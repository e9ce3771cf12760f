import { describe, expect, test } from 'vitest';

import { startFixture } from '../../test/support/api-fixture.ts';
import { Posture } from './posture.ts';

const posture = new Posture({
  publicHosts: [],
  allowOrigins: ['https://console.example.com'],
  browserOrigins: ['https://pages.example.com'],
});
const host = '127.0.0.1:8085';

describe('a request without an Origin, as an image of a web page makes it', () => {
  test.each(['cross-site', 'same-site', 'Cross-Site', 'cross-site, none', ''])(
    'is refused if Sec-Fetch-Site is "%s"',
    (site) => {
      expect(() => posture.check(host, undefined, site)).toThrowError(
        expect.objectContaining({ code: 'PERMISSION_DENIED', reason: 'ORIGIN_NOT_ALLOWED' }),
      );
    },
  );

  test.each([undefined, 'none', 'same-origin'])('is served if it is %s', (site) => {
    expect(() => posture.check(host, undefined, site)).not.toThrow();
  });
});

test('A page of an allowed origin is served from whatever site it is', () => {
  expect(() => posture.check(host, 'https://console.example.com', 'cross-site')).not.toThrow();
});

test('Sec-Fetch-Site lets no foreign Origin pass', () => {
  expect(() => posture.check(host, 'https://evil.example.com', 'same-origin')).toThrow(
    'Requests from the origin "https://evil.example.com" are refused.',
  );
});

test('An image of a web page is refused over HTTP before anything is answered', async () => {
  const { api } = await startFixture();
  const ask = (headers: Record<string, string>): Promise<Response> =>
    fetch(`http://127.0.0.1:${api.port}/v1/projects/p/topics`, { headers });
  expect((await ask({ 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  expect((await ask({ 'sec-fetch-site': 'none' })).status).toBe(200);
  await api.drain(100);
});
