import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { useLiveServer } from '../support/live-server.ts';
import { canRunImages, needsImages, useLiveVault } from '../support/live-vault.ts';
import { temporaryFolder } from '../support/server-process.ts';
import { rowsOf, VaultCli } from '../support/vault-cli.ts';

/** How `sealpost run …` and `sealpost vault …` fail: exit codes, and what to try. */
const vault = useLiveVault(['--vault-hour-ms', '3600000', '--vault-idle-seconds', '600']);
const cli = new VaultCli(vault);
const why = canRunImages ? '' : ` ${needsImages}`;
const folder = temporaryFolder();
afterAll(() => folder.remove());

const registry = 'us-docker.pkg.dev/cloudrun/container';

const withoutVault = useLiveServer();

describe('sealpost run and sealpost vault, without a vault', () => {
  test.each([
    'run services list',
    'run instances a',
    'run logs a',
    'run deploy a --image b/c',
    'vault ls',
  ])('%s names the role that is missing, and what goes with it', async (line) => {
    expect(await cli.failure(line, withoutVault.url)).toEqual([
      1,
      expect.stringMatching(
        /^sealpost .*: UNIMPLEMENTED: .* start the server with the role vault in --roles\. It needs --insecure too, as it runs code\.\n$/,
      ),
    ]);
  });

  test.each(['run services list', 'vault keys'])(
    '%s without a server is no success',
    async (line) => {
      const [code, text] = await cli.failure(line, 'http://127.0.0.1:2');
      expect(code).toBe(6);
      expect(text).toContain('Is the server running?');
    },
  );
});

describe.skipIf(!canRunImages)('sealpost run and sealpost vault', () => {
  test(`what is not there is named, with where to look for it${why}`, async () => {
    const missing = "Resource 'nope' of kind 'SERVICE' in region 'us-central1' in project 'page'";
    const hint = 'Look for it with: sealpost run services list';
    for (const line of [
      'run services describe nope',
      'run services delete nope',
      'run revisions list nope',
      'run instances nope',
      `vault import nope ${registry}/hello`,
    ]) {
      const [, command] = /^(.*?) nope/.exec(line) ?? [];
      expect(await cli.failure(line)).toEqual([
        3,
        `sealpost ${command}: NOT_FOUND: ${missing} does not exist. ${hint}\n`,
      ]);
    }
    const [code, text] = await cli.failure('run revisions describe nope-00001-abc');
    expect([code, text]).toEqual([
      3,
      expect.stringContaining('sealpost run revisions list nope\n'),
    ]);
    expect(await cli.failure('vault ls nope')).toEqual([
      3,
      expect.stringContaining('sealpost vault ls\n'),
    ]);
    const empty = { code: 0, stdout: '', stderr: 'The log of nope has no such lines.\n' };
    expect(await cli.run('run logs nope')).toEqual(empty);
  });

  test(`a command line that cannot be meant is refused before anything happens${why}`, async () => {
    writeFileSync(join(folder.path, 'bad.yaml'), ': : :\n - x\n');
    writeFileSync(join(folder.path, 'other.yaml'), 'apiVersion: v1\n');
    writeFileSync(join(folder.path, 'list.yaml'), '- a\n');
    const replace = (name: string): string => `run services replace ${join(folder.path, name)}`;
    for (const [line, problem] of [
      ['run deploy fresh', 'There is no service fresh yet. Add --image HOST/PATH:TAG.'],
      ['run services describe hello --region Mars', '"Mars" is no region: write one such as'],
      ['run services describe Hello', '"Hello" is no id of a service'],
      [replace('bad.yaml'), 'bad.yaml is no YAML: Nested mappings'],
      [replace('other.yaml'), 'other.yaml names no service. It needs metadata.name.'],
      [replace('list.yaml'), 'list.yaml holds no service.'],
      [replace('none.yaml'), 'none.yaml cannot be read: there is no such file.'],
    ] as const) {
      expect(await cli.failure(line)).toEqual([2, expect.stringContaining(problem)]);
    }
    expect(await cli.json('run services list')).toEqual([]);
  });

  test(`a deployment that fails says why, in the words of the page, and what to try${why}`, async () => {
    await cli.makeKey('revoked');
    const name = 'projects/page/locations/us-central1/keyRings/cafe/cryptoKeys/revoked';
    const deploy = `run deploy fails --image ${registry}/hello --key us-central1/cafe/revoked`;
    await cli.said(`${deploy} --post-key-revocation-action-type shut-down`);
    await cli.said('keys versions disable us-central1/cafe/revoked 1');
    expect(await cli.failure(deploy)).toEqual([
      5,
      expect.stringContaining(
        `sealpost run deploy: User's CMEK key has been disabled. CMEK key: ${name}\n` +
          'Try: sealpost keys versions enable us-central1/cafe/revoked VERSION\n',
      ),
    ]);
    const [row] = rowsOf(await cli.said('vault keys'));
    expect(row?.[2]).toBe('REVOKED (disabled)');
    expect(row?.[5]).toMatch(/^in (\d+ min|1 h)$/);
    expect(row?.[6]).toBe("User's CMEK key has been disabled.");

    await cli.said('keys versions enable us-central1/cafe/revoked 1');
    await cli.said('keys revoke us-central1/cafe/revoked --service run');
    const [code, text] = await cli.failure(deploy);
    expect(code).toBe(5);
    expect(text).toMatch(/\nTry: sealpost keys grant us-central1\/cafe\/revoked --service run\n$/);
    await cli.said('keys grant us-central1/cafe/revoked --service run');
    // The same order again: nothing of the service differs, and yet it is tried anew.
    expect(await cli.said(deploy)).toMatch(/^Revision fails-\d+-[a-z]{3} of fails is ready\./);

    const absent = await cli.failure(`run deploy fails --image ${registry}/nope`);
    expect(absent).toEqual([1, expect.stringMatching(/not found[^]*sealpost run logs fails\n$/)]);
    expect((await cli.failure(`${deploy} --region europe-west1`))[1]).toContain(
      "Key location 'us-central1' must match the service's location 'europe-west1'.",
    );
    expect(await cli.failure(`vault import fails ${registry}/nope`)).toEqual([
      1,
      expect.stringMatching(/^sealpost vault import: .*nope.* not found\.\n$/),
    ]);
    await cli.said('run services delete fails');
  });

  test(`Ctrl-C leaves a deployment to the server, and is no success${why}`, async () => {
    await vault.push('cloudrun/container/slow:v1', 'slow', [], 'sleep 300; ');
    const line = `run deploy slow --image ${registry}/slow:v1`;
    const { code, stderr } = await cli.interrupted(line, /Deploying/);
    expect([code, stderr]).toEqual([
      130,
      expect.stringMatching(
        /goes on in the server\. Look again with: sealpost run services describe slow\n$/,
      ),
    ]);
    expect(await cli.said('run services describe slow')).toMatch(/^Ready +Unknown/m);
    await cli.said('run services delete slow');
  });

  test(`the doctor finds nothing wrong with a vault that has no broker beside it${why}`, async () => {
    const { code, stdout, stderr } = await cli.run('doctor');
    expect([code, stderr]).toEqual([
      0,
      'It has no role broker, and so neither topics nor subscriptions.\n',
    ]);
    expect(stdout).toMatch(/ is ready: [^]*\nLooked at 0 resources: all is well\.\n$/);
  });
});
