import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { runCli, type CliEnded } from '../support/cli-process.ts';
import { useLiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

const live = useLiveServer();
const folder = temporaryFolder();
afterAll(() => folder.remove());

const line = async (text: string): Promise<CliEnded> =>
  await runCli(text.split(' '), { SEALPOST_SERVER: live.url, SEALPOST_PROJECT: 'shop' });

function file(name: string, json: unknown): string {
  const path = join(folder.path, name);
  writeFileSync(path, JSON.stringify(json));
  return path;
}

const code = 'function redact(message) { return message; }';
const javascriptUdf = { functionName: 'redact', code };
const compression = { compressionAlgorithm: 'ZLIB', compressionMode: 'COMPRESS' };
const both = [{ javascriptUdf }, { compression, disabled: true }];

describe.each([
  ['topics', 'receipts', ''],
  ['subscriptions', 'printer', ' --topic receipts'],
])('transforms of %s', (collection, id, more) => {
  test('are set from a file, shown, and taken away', async () => {
    const path = file('both.json', both);
    const made = await line(`${collection} create ${id}${more} --transforms-file ${path}`);
    expect([made.code, made.stderr]).toEqual([0, '']);
    const shown = await line(`${collection} describe ${id}`);
    expect(shown.stdout).toMatch(
      /^Transforms +1\. JavaScript function redact\n +2\. compress with zlib, disabled$/m,
    );
    const json = await line(`${collection} describe ${id} --json`);
    expect(JSON.parse(json.stdout)).toMatchObject({ messageTransforms: both });
    const one = file('one.json', [{ javascriptUdf }]);
    await line(`${collection} update ${id} --transforms-file ${one}`);
    expect((await line(`${collection} describe ${id}`)).stdout).not.toContain('zlib');
    expect((await line(`${collection} update ${id} --clear-transforms`)).code).toBe(0);
    expect((await line(`${collection} describe ${id}`)).stdout).not.toContain('Transforms');
  });

  test('that are no list, or in no file, are refused by name', async () => {
    const path = file('object.json', { javascriptUdf });
    const alone = await line(`${collection} update ${id} --transforms-file ${path}`);
    expect([alone.code, alone.stderr]).toEqual([1, expect.stringContaining('is no list')]);
    const none = await line(`${collection} update ${id} --transforms-file ${path}.none`);
    expect(none.stderr).toContain('cannot be read (ENOENT)');
  });
});
