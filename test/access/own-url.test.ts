import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { parseConfig } from '../../src/config/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { startServer } from '../../src/server.ts';
import { temporaryFolder } from '../support/server-process.ts';

/** What a server that listens on every address says that it is called, as everybody may read. */
async function names(...more: readonly string[]): Promise<{ url: string; issuer: string }> {
  const folder = temporaryFolder();
  onTestFinished(() => folder.remove());
  const where = ['--port', '0', '--data-dir', join(folder.path, 'data')];
  const config = parseConfig([...where, '--host', '0.0.0.0', '--insecure', ...more], {});
  const server = await startServer(config, { log: silentLogger });
  try {
    const path = '/.well-known/openid-configuration';
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    const { issuer } = (await response.json()) as { issuer: string };
    const url = server.url.replace(`:${server.port}`, ':PORT');
    return { url, issuer: issuer.replace(`:${server.port}`, ':PORT') };
  } finally {
    await server.stop();
  }
}

test('on every address a server goes by its public name, and no wildcard is told to anybody', async () => {
  const url = 'http://pubsub.example.com:PORT';
  expect(await names('--public-host', 'pubsub.example.com')).toEqual({ url, issuer: url });
  const local = 'http://127.0.0.1:PORT';
  expect(await names()).toEqual({ url: local, issuer: local });
  const issuer = 'https://tokens.example.com';
  expect(await names('--issuer', issuer)).toEqual({ url: local, issuer });
});
