import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { Logging } from '@google-cloud/logging';
import { credentials } from '@grpc/grpc-js';
import { beforeAll, describe, expect, test } from 'vitest';

import { LmdbEnvironment } from '../../src/storage/lmdb/lmdb-environment.ts';
import {
  segmentDatabase,
  segmentKey,
  storeDatabases,
} from '../../src/storage/lmdb/segment-record.ts';
import { CliProcess, runCli, type CliEnded } from '../support/cli-process.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const variables = (): Record<string, string> => ({
  SEALPOST_SERVER: live.url,
  SEALPOST_PROJECT: 'shop',
});
const cli = (line: string): Promise<CliEnded> => runCli(line.split(' '), variables());

interface Entry {
  readonly insertId: string;
  readonly timestamp: string;
  readonly severity: string;
  readonly logName: string;
  readonly protoPayload: {
    readonly methodName: string;
    readonly resourceName: string;
    readonly metadata?: { readonly kmsKeyName?: string };
    readonly status: { readonly code?: number };
  };
}

async function entries(options = ''): Promise<Entry[]> {
  const { code, stdout, stderr } = await cli(`audit list --json${options}`);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Entry[];
}

const methodsOf = (found: readonly Entry[]): string[] =>
  found.map(({ protoPayload }) => protoPayload.methodName.replace(/.*\./, ''));

const key = 'projects/shop/locations/global/keyRings/cafe/cryptoKeys/orders';
const topic = 'projects/shop/topics/orders';

beforeAll(async () => {
  await cli('keys rings create cafe');
  await cli('keys create cafe/orders');
  await cli('keys grant cafe/orders');
  await cli('topics create orders --key cafe/orders');
  await cli('publish orders espresso');
  await cli('keys versions disable cafe/orders 1');
  await cli('publish orders ristretto');
  await cli('keys versions enable cafe/orders 1');
  await cli('topics create missing --key cafe/none');
});

describe('the audit log', () => {
  test('holds what was done with the key and with the topic, in order', async () => {
    const activity = await entries(' --filter log_id("cloudaudit.googleapis.com/activity")');
    expect(methodsOf(activity)).toEqual([
      'CreateKeyRing',
      'CreateCryptoKey',
      'SetIamPolicy',
      'CreateTopic',
      'UpdateCryptoKeyVersion',
      'UpdateCryptoKeyVersion',
      'CreateTopic',
    ]);
    expect(activity.map(({ severity }) => severity)).toEqual([
      ...Array.from({ length: 6 }, () => 'NOTICE'),
      'ERROR',
    ]);
    const created = activity[3]!;
    expect(created).toMatchObject({
      logName: 'projects/shop/logs/cloudaudit.googleapis.com%2Factivity',
      protoPayload: {
        '@type': 'type.googleapis.com/google.cloud.audit.AuditLog',
        methodName: 'google.pubsub.v1.Publisher.CreateTopic',
        resourceName: topic,
        metadata: { kmsKeyName: key },
      },
    });
  });

  test('says who used the key, for which topic, and what was refused', async () => {
    const uses = await entries(' --key cafe/orders --topic orders --method Encrypt');
    expect(uses.length).toBeGreaterThan(0);
    expect(uses[0]).toMatchObject({
      protoPayload: {
        authenticationInfo: {
          principalEmail: expect.stringMatching(
            /^service-\d+@gcp-sa-pubsub\.iam\.gserviceaccount\.com$/,
          ) as string,
        },
        metadata: { entries: { caller_provided_context: { resource: topic } } },
      },
    });
    const failed = await entries(' --failed');
    expect(failed.every(({ protoPayload }) => (protoPayload.status.code ?? 0) > 0)).toBe(true);
    expect(methodsOf(failed)).toEqual(expect.arrayContaining(['Decrypt', 'CreateTopic']));
  });

  test('holds no message and no key', async () => {
    const text = JSON.stringify(await entries());
    for (const secret of ['espresso', 'ristretto', 'ciphertext', 'plaintext":']) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString('base64').replaceAll('=', ''));
    }
  });

  test('is a table for people', async () => {
    const { stdout } = await cli('audit list --method DisableNothing');
    expect(stdout).toBe('');
    const table = (await cli('audit list --failed --limit 1')).stdout.split('\n');
    expect(table[0]).toMatch(/^TIME +PRINCIPAL +METHOD +RESOURCE +OUTCOME/);
    expect(table[1]).toMatch(
      /^\S+Z +anonymous +CreateTopic +projects\/shop\/topics\/missing +FAILED_PRECONDITION/,
    );
  });

  test('says in the table what a change made', async () => {
    const states = (await cli('audit list --method UpdateCryptoKeyVersion')).stdout.split('\n');
    expect(states[0]).toMatch(/ OUTCOME +DETAIL +REASON/);
    expect(states[1]).toMatch(/ OK +state DISABLED/);
    expect(states[2]).toMatch(/ OK +state ENABLED/);
    const policies = (await cli('audit list --method SetIamPolicy')).stdout;
    expect(policies).toMatch(/ OK +bindings cloudkms\.cryptoKeyEncrypterDecrypter \(1\)/);
  });

  test('is followed', async () => {
    const following = new CliProcess(
      ['audit', 'list', '--follow', '--json', '--method', 'DeleteTopic'],
      variables(),
    );
    await cli('topics create gone');
    await cli('topics delete gone');
    await following.said('stdout', /DeleteTopic/);
    following.child.kill('SIGINT');
    const { code, stdout } = await following.ended;
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(1);
  });

  test('is read by the official client for Node, over gRPC', async () => {
    process.env['METADATA_SERVER_DETECTION'] = 'none';
    const logging = new Logging({
      projectId: 'shop',
      apiEndpoint: '127.0.0.1',
      port: Number(new URL(live.url).port),
      sslCreds: credentials.createInsecure(),
    } as never);
    const [found] = await logging.getEntries({
      resourceNames: ['projects/shop'],
      filter: `resource.type="pubsub_topic" AND protoPayload.resourceName="${topic}"`,
      orderBy: 'timestamp asc',
      autoPaginate: false,
    });
    expect(found.map(({ metadata }) => metadata.logName)).toEqual([
      'projects/shop/logs/cloudaudit.googleapis.com%2Factivity',
    ]);
    expect(found[0]!.metadata.resource).toEqual({
      type: 'pubsub_topic',
      labels: { project_id: 'shop', topic_id: 'orders' },
    });
    const [logs] = await logging.getLogs({ autoPaginate: false });
    expect(logs.map(({ formattedName_: name }) => name)).toContain(
      'projects/shop/logs/cloudaudit.googleapis.com%2Fdata_access',
    );
  });

  test('refuses a filter that is none, with its place', async () => {
    const { code, stderr } = await runCli(
      ['audit', 'list', '--filter', 'severity=LOUD'],
      variables(),
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain(
      "Unparseable filter: invalid severity value 'LOUD' at line 1, column 11",
    );
  });
});

describe('sealpost audit verify', () => {
  /** Changes what is stored of the activity log, as somebody with the disk would. */
  async function withLog(
    change: (log: {
      read: (base: number) => Uint8Array | undefined;
      write: (base: number, value: Uint8Array | null) => Promise<void>;
    }) => Promise<void>,
  ): Promise<void> {
    await live.stop();
    const path = join(live.dataDir, 'audit', 'store');
    const environment = new LmdbEnvironment({ path, databases: storeDatabases });
    const database = segmentDatabase(1);
    await change({
      read: (base) => environment.database(database).get(segmentKey(1, base)),
      write: (base, value) => environment.commit([{ database, key: segmentKey(1, base), value }]),
    });
    await environment.close();
    await live.start();
  }

  test('finds nothing where nothing was touched, after a restart too', async () => {
    expect((await cli('audit verify')).code).toBe(0);
    await live.restart();
    const { code, stdout } = await cli('audit verify');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^audit +\d+ +\d+\.\d +0 +0$/m)]);
  });

  test('names an entry that was removed, and the rest is still read', async () => {
    const before = await entries();
    let removed: Uint8Array | undefined;
    await withLog(async ({ read, write }) => {
      removed = read(3);
      await write(3, null);
    });
    const { code, stdout } = await cli('audit verify');
    expect(code).toBe(1);
    expect(stdout).toContain('damaged: audit: activity a00000000000003, after 20');
    expect(stdout).toContain(': removed');
    const left = await entries();
    const gone = before.filter(
      ({ insertId }) => !left.some((entry) => entry.insertId === insertId),
    );
    expect(gone.map(({ insertId }) => insertId)).toEqual(['a00000000000003']);
    await withLog(async ({ write }) => write(3, removed!));
    expect((await cli('audit verify')).code).toBe(0);
  });

  test('names one that was changed, by its header or its bytes', async () => {
    for (const at of [0, 10, 60, -1]) {
      let whole: Uint8Array | undefined;
      await withLog(async ({ read, write }) => {
        whole = Uint8Array.from(read(2)!);
        const changed = whole.slice();
        changed[(at + changed.length) % changed.length]! ^= 0x41;
        await write(2, changed);
      });
      const { code, stdout } = await cli('audit verify');
      expect([at, code]).toEqual([at, 1]);
      expect(stdout).toContain('activity a00000000000002');
      expect(stdout).not.toContain('a00000000000003');
      expect(methodsOf(await entries())).toContain('CreateTopic');
      await withLog(async ({ write }) => write(2, whole!));
    }
  });

  test('names a tail that was cut, for ever', async () => {
    const activity = await entries(' --filter log_id("cloudaudit.googleapis.com/activity")');
    const last = activity.length - 1;
    await withLog(async ({ write }) => write(last, null));
    for (let start = 0; start < 2; start++) {
      const { code, stdout } = await cli('audit verify');
      expect(code).toBe(1);
      expect(stdout).toContain('cut off the end of the log');
      await cli(`topics create after-${start}`);
      await live.restart();
    }
    expect(
      methodsOf(await entries()).filter((name) => name === 'CreateTopic').length,
    ).toBeGreaterThan(2);
  });

  test('says of a log that is gone altogether what is missing', async () => {
    await live.stop();
    rmSync(join(live.dataDir, 'audit'), { recursive: true });
    await live.start();
    const { code, stdout } = await cli('audit verify');
    expect(code).toBe(1);
    expect(stdout).toContain('activity a00000000000000 to a');
    expect(stdout).toContain('data_access d00000000000000 to d');
  });
});
