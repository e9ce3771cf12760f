import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RootKeyFailpointName } from '../../src/runtime/index.ts';
import { temporaryFolder } from '../support/server-process.ts';
import { RestClient } from './rest-client.ts';
import { programChild, type ServerChild } from './server-child.ts';

const program = new URL('reseal-victim.ts', import.meta.url);
const wrappingKey = Buffer.alloc(32, 0x5a).toString('base64');
const epochMs = Date.now();
const topic = 'projects/crash/topics/kept';
const subscription = 'projects/crash/subscriptions/kept';

/** Before the switch, at it, and when all is wrapped; those between are the unit tests'. */
const moments: readonly RootKeyFailpointName[] = [
  'afterPreviousRootKeyWritten',
  'afterRootSealRename',
  'afterRootKeyRewrap',
];

function victim(dataDir: string, moment: string): ServerChild {
  return programChild(program, [dataDir, moment, wrappingKey, String(epochMs)]);
}

interface RootKey {
  readonly id: string;
  readonly source: string;
  readonly previousId?: string;
}

describe('a server that is killed while its root key is replaced', () => {
  test.each(moments)('at %s has one seal, which opens everything', async (moment) => {
    const folder = temporaryFolder();
    const dataDir = join(folder.path, 'data');
    const keysDir = join(folder.path, 'data-keys');
    const wrappingKeyFile = join(folder.path, 'wrapping-key');
    writeFileSync(wrappingKeyFile, wrappingKey, { mode: 0o600 });

    const first = victim(dataDir, moment);
    const client = new RestClient(await first.url());
    await client.createTopic(topic);
    await client.call('PUT', `/v1/${subscription}`, { topic });
    const messages = [{ data: Buffer.from('kept').toString('base64') }];
    await client.call('POST', `/v1/${topic}:publish`, { messages });
    const before = await client.call<RootKey>('GET', '/sealpost/v1/rootKey');
    const oldSeal = join(folder.path, 'old-seal');
    copyFileSync(join(keysDir, 'root-key'), oldSeal);
    const request = { to: 'environment', newKey: true, wrappingKeyFile };
    const resealing = client.call('POST', '/sealpost/v1/rootKey:reseal', request);
    await expect(resealing).rejects.toThrow();
    expect((await first.ended).signal).toBe('SIGKILL');

    // What was left undone is ended at the next start, which dies in the middle of it again.
    const second = victim(dataDir, 'afterRootKeyRewrap');
    if ((await second.ready) !== null) await second.stop('SIGKILL');
    const third = victim(dataDir, 'never');
    const again = new RestClient(await third.url());
    const after = await again.call<RootKey>('GET', '/sealpost/v1/rootKey');
    const isSwitched = after.source === 'environment';
    expect(isSwitched).toBe(moment !== 'afterPreviousRootKeyWritten');
    expect(after.id === before.id).toBe(!isSwitched);
    expect(after.previousId).toBeUndefined();
    expect(readdirSync(keysDir)).toEqual(['root-key']);
    const pull = { maxMessages: 10 };
    const pulled = await again.call<{ receivedMessages: { message: { data: string } }[] }>(
      'POST',
      `/v1/${subscription}:pull`,
      pull,
    );
    expect(pulled.receivedMessages.map(({ message }) => message.data)).toEqual([messages[0]!.data]);
    expect(await third.stop()).toEqual({ code: 0, signal: null });

    if (isSwitched) {
      copyFileSync(oldSeal, join(keysDir, 'root-key'));
      const thief = victim(dataDir, 'never');
      await expect(thief.url()).rejects.toThrow(/Wrong root key/);
    }
    folder.remove();
  });
});
