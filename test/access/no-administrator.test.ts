import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { parseConfig } from '../../src/config/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { startServer } from '../../src/server.ts';
import { temporaryFolder } from '../support/server-process.ts';

test('a server that nobody may administer says at its start what helps', async () => {
  const folder = temporaryFolder();
  onTestFinished(() => folder.remove());
  const where = ['--port', '0', '--data-dir', join(folder.path, 'data')];
  const warnings = async (...more: readonly string[]): Promise<string[]> => {
    const said: string[] = [];
    const log = { ...silentLogger, warn: (_: object, text: string) => void said.push(text) };
    const server = await startServer(parseConfig([...where, ...more], {}), { log });
    const policy = {
      bindings: [{ role: 'roles/owner', members: ['user:ada@example.com'] }],
    };
    const path = '/v1/organizations/sealpost:setIamPolicy';
    if (more.length === 0) {
      const body = JSON.stringify({ policy });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(server.url + path, { method: 'POST', headers, body });
      expect(answer.status).toBe(200);
    }
    await server.stop();
    return said.filter((text) => text.startsWith('nobody may administer'));
  };
  const required = ['--authentication', 'required'];
  expect(await warnings(...required)).toEqual([
    expect.stringContaining('sealpost accounts create operator --project PROJECT --data-dir'),
  ]);
  expect(await warnings(...required, '--admin', 'user:ada@example.com')).toEqual([]);
  expect(await warnings()).toEqual([]);
  expect(await warnings(...required)).toEqual([]);
});
