import { describe, expect, test } from 'vitest';

import { keyClient } from '../support/key-client.ts';
import { freshId } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames, type Json } from '../support/wire.ts';
import { lacking, notEnabled } from './kms-refusals.ts';

interface Entry {
  readonly insertId: string;
  readonly logName: string;
  readonly severity: string;
  readonly protoPayload: Json;
}

interface Page {
  readonly entries?: readonly Entry[];
  readonly nextPageToken?: string;
}

const live = useTestedServer();
const log = (project: string, id: string): string =>
  `${project}/logs/cloudaudit.googleapis.com%2F${id}`;

describe.each(wireNames)('LoggingServiceV2 over %s', (wire) => {
  /** Each test's own project: its log holds what the test did, and nothing else. */
  const own = (): ReturnType<typeof keyClient> => keyClient(live, wire, freshId('logged'));

  async function read(keys: ReturnType<typeof keyClient>, more: Json = {}): Promise<Page> {
    return await keys.call<Page>('ListLogEntries', { resourceNames: [keys.project], ...more });
  }

  const keys = own();
  const paged = own();

  // What a client of gRPC says of itself ends with what the library says of itself.
  const program = wire === 'gRPC' ? 'grpc-node-js/' : 'a-program/1';

  test('a use of a key, with who, whence, what and the status', async () => {
    const name = await keys.key();
    const version = `${name}/cryptoKeyVersions/1`;
    await keys.call('Encrypt', { name, plaintext: 'eA==' }, { 'user-agent': 'a-program/1' });
    const cryptoKeyVersion = { name: version, state: 'DISABLED' };
    await keys.call('UpdateCryptoKeyVersion', { cryptoKeyVersion, updateMask: 'state' });
    const { message } = notEnabled(version, 'DISABLED');
    await keys.refusal('Encrypt', { name, plaintext: 'eA==' });
    const filter = 'protoPayload.methodName="Encrypt"';
    const { entries = [] } = await read(keys, { filter });
    expect(entries.map(({ severity }) => severity)).toEqual(['INFO', 'ERROR']);
    expect(entries[0]).toMatchObject({
      logName: log(keys.project, 'data_access'),
      resource: { type: 'cloudkms_cryptokey' },
      protoPayload: {
        '@type': 'type.googleapis.com/google.cloud.audit.AuditLog',
        serviceName: 'cloudkms.googleapis.com',
        authenticationInfo: { principalEmail: 'anonymous' },
        requestMetadata: {
          callerIp: '127.0.0.1',
          callerSuppliedUserAgent: expect.stringContaining(program) as string,
        },
        authorizationInfo: [
          { permission: 'cloudkms.cryptoKeyVersions.useToEncrypt', granted: true },
        ],
      },
    });
    expect(entries[1]).toMatchObject({
      protoPayload: {
        status: {
          code: 9,
          message,
          details: [
            {
              '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
              violations: [{ type: 'KEY_DISABLED', subject: version }],
            },
          ],
        },
      },
    });
    expect(JSON.stringify(entries)).not.toContain('eA==');
  });

  test('changes are in the activity log; both logs are listed', async () => {
    const filter = `logName="${log(keys.project, 'activity')}"`;
    const { entries = [] } = await read(keys, { filter });
    expect(entries.map(({ protoPayload }) => protoPayload['methodName'])).toEqual([
      'CreateKeyRing',
      'CreateCryptoKey',
      'UpdateCryptoKeyVersion',
    ]);
    const names = [log(keys.project, 'activity'), log(keys.project, 'data_access')];
    expect(await keys.call('ListLogs', { parent: keys.project })).toEqual({ logNames: names });
    const first = await keys.call<{ nextPageToken: string }>('ListLogs', {
      parent: keys.project,
      pageSize: 1,
    });
    expect(first).toMatchObject({ logNames: names.slice(0, 1) });
    const { nextPageToken: pageToken } = first;
    expect(await keys.call('ListLogs', { parent: keys.project, pageToken })).toEqual({
      logNames: names.slice(1),
    });
  });

  test('pages in either order hold every entry once', async () => {
    for (let count = 0; count < 7; count++) await paged.keyRing();
    for (const orderBy of ['timestamp asc', 'timestamp desc']) {
      const seen: string[] = [];
      let pageToken = '';
      do {
        const page: Page = await read(paged, { orderBy, pageSize: 3, pageToken });
        seen.push(...(page.entries ?? []).map(({ insertId }) => insertId));
        pageToken = page.nextPageToken ?? '';
      } while (pageToken !== '');
      expect(seen).toHaveLength(7);
      expect(new Set(seen).size).toBe(7);
    }
  });

  test.each<[string, Json]>([
    ['a filter that is none', { filter: 'a = = b' }],
    ['an order that is none', { orderBy: 'severity' }],
    ['a token that is none', { pageToken: '!' }],
    ['no resource names', { resourceNames: [] }],
  ])('%s: INVALID_ARGUMENT', async (_what, more) => {
    const request = { resourceNames: [keys.project], ...more };
    const { code } = await keys.refusal('ListLogEntries', request);
    expect(code).toBe('INVALID_ARGUMENT');
  });
});

test.each(['POST /v2/entries:write', 'GET /v2/monitoredResourceDescriptors'])(
  '%s answers UNIMPLEMENTED by name',
  async (line) => {
    const [method, path] = line.split(' ');
    const reply = await fetch(`${live.url}${path}`, {
      method: method!,
      ...(method === 'POST' && { body: '{}' }),
    });
    const rpc = method === 'POST' ? 'WriteLogEntries' : 'ListMonitoredResourceDescriptors';
    const { code, message } = lacking(`google.logging.v2.LoggingServiceV2.${rpc}`);
    expect(await reply.json()).toEqual({ error: { code: 501, message, status: code } });
  },
);
