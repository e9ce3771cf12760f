import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { run, type Entrances } from '../../src/cli/index.ts';
import { parseConfig } from '../../src/config/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { resealOffline } from '../../src/server/offline-root-key.ts';
import { startServer, type Server } from '../../src/server.ts';
import type { ServerPorts } from '../../src/server/ports.ts';
import { JumpingClock } from '../support/jumping-clock.ts';
import { temporaryFolder } from '../support/server-process.ts';
import { CallRefusal, RestWire } from '../support/wire.ts';

const topic = 'projects/root/topics/kept';
const subscription = 'projects/root/subscriptions/kept';
const wrappingKey = `${Buffer.alloc(32, 9).toString('base64')}\n`;
const slow = { timeout: 120_000 };

let folder: ReturnType<typeof temporaryFolder>;
let server: Server | undefined;
const clock = new JumpingClock();
const rest = new RestWire(() => server!.url);

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await stop();
  folder.remove();
});

const at = (name: string): string => join(folder.path, name);

function secretFile(name: string, text: string): string {
  writeFileSync(at(name), text, { mode: 0o600 });
  return at(name);
}

async function start(
  more: readonly string[] = [],
  given: Partial<ServerPorts> = {},
  dataDir = at('data'),
): Promise<void> {
  const argv = ['--port', '0', '--drain-seconds', '1', '--data-dir', dataDir, ...more];
  server = await startServer(parseConfig(argv, {}), { clock, log: silentLogger, ...given });
}

async function stop(): Promise<void> {
  await server?.stop();
  server = undefined;
}

async function publishOne(): Promise<void> {
  await rest.send('PUT', topic, {});
  await rest.send('PUT', subscription, { topic });
  await rest.send('POST', `${topic}:publish`, { messages: [{ data: 'a2VwdA==' }] });
}

/** What was published is there, whole. */
async function expectKept(): Promise<void> {
  const pull = { maxMessages: 1, returnImmediately: true };
  const reply = await rest.send<{
    receivedMessages?: { ackId: string; message: { data: string } }[];
  }>('POST', `${subscription}:pull`, pull);
  const [received] = reply.receivedMessages ?? [];
  expect(received?.message.data).toBe('a2VwdA==');
  const ackIds = [received!.ackId];
  await rest.send('POST', `${subscription}:modifyAckDeadline`, { ackIds, ackDeadlineSeconds: 0 });
}

/** Paths of the wire are below /v1/. */
async function reseal(body: object): Promise<{ id: string; source: string }> {
  const answer = rest.send<{ id: string; source: string }>(
    'POST',
    '../sealpost/v1/rootKey:reseal',
    body,
  );
  return await answer;
}

describe('recovery of the root key', slow, () => {
  test('a lost file is refused, and restored from its copy', async () => {
    await start();
    await publishOne();
    await stop();
    renameSync(at('data-keys'), at('safe'));
    await expect(start()).rejects.toThrow(
      /root-key is missing, but .* is not empty: restore the k/,
    );
    mkdirSync(at('data-keys'), { mode: 0o700 });
    cpSync(join(at('safe'), 'root-key'), join(at('data-keys'), 'root-key'));
    await start();
    await expectKept();
  });

  test('data and seal move to another machine, with the secret', async () => {
    const passphraseFile = secretFile('passphrase', 'carried in somebody’s head\n');
    const sealed = [
      '--root-key-source',
      'passphrase',
      '--root-key-passphrase-file',
      passphraseFile,
    ];
    await start(sealed);
    await publishOne();
    await stop();
    mkdirSync(at('elsewhere'));
    renameSync(at('data'), at('elsewhere/store'));
    renameSync(at('data-keys'), at('elsewhere/store-keys'));
    await start(['--root-key-passphrase-file', passphraseFile], {}, at('elsewhere/store'));
    await expectKept();
  });

  test('a lost passphrase is final: no start, nothing changed, also by a new seal', async () => {
    const passphraseFile = secretFile('passphrase', 'written down on no paper at all\n');
    await start(['--root-key-source', 'passphrase', '--root-key-passphrase-file', passphraseFile]);
    await publishOne();
    await stop();
    const before = readFileSync(join(at('data-keys'), 'root-key'));
    const guess = ['--root-key-passphrase-file', secretFile('guess', 'was it perhaps this one?\n')];
    await expect(start(guess)).rejects.toThrow(/guess does not open the root key/);
    await expect(start()).rejects.toThrow(/name its file with --root-key-passphrase-file/);
    const config = parseConfig(['--data-dir', at('data'), ...guess], {});
    const request = { to: 'file', isNewKey: false, secrets: {} } as const;
    const changing = resealOffline(config, request, { log: silentLogger });
    await expect(changing).rejects.toThrow(/guess does not open the root key/);
    expect(readFileSync(join(at('data-keys'), 'root-key'))).toEqual(before);
    await start(['--root-key-passphrase-file', passphraseFile]);
    await expectKept();
  });

  test('a credential of systemd opens it, wherever systemd puts it', async () => {
    secretFile('sealpost-root-key', wrappingKey);
    const rootKeySurroundings = { credentialsDirectory: folder.path };
    await start(['--root-key-source', 'systemd-credential'], { rootKeySurroundings });
    await publishOne();
    await stop();
    await expect(start()).rejects.toThrow(/no \$CREDENTIALS_DIRECTORY/);
    const away = { rootKeySurroundings: { credentialsDirectory: at('nowhere') } };
    await expect(start([], away)).rejects.toThrow(/sealpost-root-key cannot be read: ENOENT/);
    await start([], { rootKeySurroundings });
    await expectKept();
  });
});

describe('a new seal over the API', slow, () => {
  test('takes effect while the server works, with a new key too', async () => {
    await start();
    await publishOne();
    const oldSeal = readFileSync(join(at('data-keys'), 'root-key'));
    const wrappingKeyFile = secretFile('wrapping-key', wrappingKey);
    const sealed = await reseal({ to: 'environment', newKey: true, wrappingKeyFile });
    expect(sealed.source).toBe('environment');
    await expectKept();
    await stop();
    const environmentKey = new TextEncoder().encode(wrappingKey);
    await start([], { rootKeySurroundings: { environmentKey } });
    await expectKept();
    await stop();
    writeFileSync(join(at('data-keys'), 'root-key'), oldSeal);
    await expect(start()).rejects.toMatchObject({ reason: 'ROOT_KEY_MISMATCH' });
  });

  test('is recorded in the audit log', async () => {
    await start();
    await reseal({ to: 'environment', wrappingKeyFile: secretFile('wrapping-key', wrappingKey) });
    const { entries } = await rest.send<{ entries: { protoPayload: Record<string, unknown> }[] }>(
      'POST',
      '../v2/entries:list',
      {
        resourceNames: ['projects/sealpost-internal'],
        filter: 'protoPayload.methodName="sealpost.v1.RootKey.Reseal"',
      },
    );
    expect(entries.map(({ protoPayload }) => protoPayload['request'])).toMatchObject([
      { to: 'environment', isNewKey: false },
    ]);
  });

  test.each<[string, object, RegExp]>([
    ['an unknown field', { passphrase: 'in the clear' }, /Unknown name "passphrase"/],
    ['an unknown source', { to: 'cloud' }, /Invalid value at 'to'/],
    ['a relative path', { to: 'passphrase', passphraseFile: 'x' }, /must be the absolute path/],
    [
      'half a token',
      { to: 'pkcs11', pkcs11: { tokenLabel: 't' } },
      /needs library, tokenLabel and/,
    ],
    [
      'a secret that is not there',
      { to: 'passphrase' },
      /needs the new passphrase: .* --passphrase-file/,
    ],
  ])('with %s is refused', async (_, body, message) => {
    await start();
    const before = readFileSync(join(at('data-keys'), 'root-key'));
    const refusal: unknown = await reseal(body).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(CallRefusal);
    expect((refusal as CallRefusal).message).toMatch(message);
    expect(readFileSync(join(at('data-keys'), 'root-key'))).toEqual(before);
  });

  test('is not for pages, not even of an allowed origin', async () => {
    await start(['--allow-origin', 'https://page.example']);
    const asPage = { headers: { origin: 'https://page.example' } };
    const answer = await fetch(`${server!.url}/sealpost/v1/rootKey`, asPage);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('ROOT_KEY_FOR_OPERATOR');
  });
});

test('the command reseals a stopped server, and refuses while one runs', slow, async () => {
  await start();
  await publishOne();
  const entrances = {
    version: '0',
    root: {
      status: () => Promise.reject(new Error('not asked')),
      reseal: async (config, { to, ...request }) => {
        expect(to).toBe('environment');
        const asked = { ...request, to: 'environment' } as const;
        return { ...(await resealOffline(config, asked, { log: silentLogger })) };
      },
    },
  } as Pick<Entrances, 'version' | 'root'> as Entrances;
  const wrappingKeyFile = secretFile('wrapping-key', wrappingKey);
  const line = ['root', 'reseal', '--offline', '--to', 'environment', '--new-key'];
  const argv = [...line, `--wrapping-key-file=${wrappingKeyFile}`, '--data-dir', at('data')];
  expect(await run(argv, entrances)).toBe(1);
  await stop();
  expect(await run(argv, entrances)).toBe(0);
  const environmentKey = new TextEncoder().encode(wrappingKey);
  await start([], { rootKeySurroundings: { environmentKey } });
  await expectKept();
});
