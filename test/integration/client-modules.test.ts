import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { useLiveServer } from '../support/live-server.ts';

const pages = 'http://127.0.0.1:9';
const server = useLiveServer(['--browser-origin', pages]);

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Not by fetch, which sends neither a path with dots nor an Origin of one's choice. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const call = request({ hostname, port, path, method, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
      );
    });
    call.on('error', reject);
    call.end();
  });
}

const importsIn = (text: string): string[] =>
  [...text.matchAll(/ from '([^']+)';/g)].map(([, request = '']) => request);

describe('the client for pages', () => {
  test('is /client.js, and every module that it imports is served as JavaScript', async () => {
    const seen = new Set<string>();
    const next = ['/client.js'];
    for (let path = next.pop(); path !== undefined; path = next.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      const { status, headers, text } = await get(path);
      expect([path, status]).toEqual([path, 200]);
      expect(headers).toMatchObject({
        'content-type': 'text/javascript; charset=UTF-8',
        'x-content-type-options': 'nosniff',
      });
      expect(text).not.toMatch(/\binterface \w+ \{|\.ts'/);
      for (const request of importsIn(text)) {
        expect(request).toMatch(/^\.{1,2}\/[a-z0-9/-]+\.js$/);
        next.push(new URL(request, `http://x${path}`).pathname);
      }
    }
    expect(seen.size).toBeGreaterThan(20);
  });

  test('is asked for again only when it changed', async () => {
    const { headers } = await get('/client/index.js');
    const etag = String(headers['etag']);
    const again = await get('/client/index.js', { 'if-none-match': etag });
    expect([again.status, again.text, again.headers['etag']]).toEqual([304, '', etag]);
    expect((await get('/client/index.js', { 'if-none-match': '"other"' })).status).toBe(200);
  });

  test('may be imported by pages of --browser-origin, which may read nothing else', async () => {
    const module = await get('/client.js', { origin: pages, 'sec-fetch-site': 'cross-site' });
    expect(module.status).toBe(200);
    expect(module.headers).toMatchObject({
      'access-control-allow-origin': pages,
      vary: 'Origin',
    });
    expect((await get('/metrics', { origin: pages })).status).toBe(403);
    const foreign = await get('/client.js', { origin: 'https://evil.example.com' });
    expect([foreign.status, foreign.text]).toEqual([403, expect.stringContaining('ORIGIN')]);
    expect((await get('/client.js', { host: 'evil.example.com' })).status).toBe(403);
  });

  test.each([
    '/client/',
    '/client/index.ts',
    '/client/session.test.js',
    '/client/../server.js',
    '/client/..%2fserver.js',
    '/client/%2e%2e/server.js',
    '/client/..\\server.js',
    '/client//index.js',
    '/client/__proto__',
  ])('%s is not served', async (path) => {
    expect((await get(path)).status).toBe(404);
  });

  test('is only read', async () => {
    expect((await get('/client.js', {}, 'POST')).status).toBe(404);
    const head = await get('/client.js', {}, 'HEAD');
    expect([head.status, head.text]).toEqual([200, '']);
  });
});
