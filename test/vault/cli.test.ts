import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { leaves } from '../../src/cli/command/command-spec.ts';
import { tree } from '../../src/cli/tree.ts';
import { canRunImages, needsImages, useLiveVault } from '../support/live-vault.ts';
import { temporaryFolder } from '../support/server-process.ts';
import { rowsOf, VaultCli } from '../support/vault-cli.ts';

/** `sealpost run …` and `sealpost vault …` as people type them, against real images and processes. */
const vault = useLiveVault(['--vault-hour-ms', '3600000', '--vault-idle-seconds', '600']);
const cli = new VaultCli(vault);
const why = canRunImages ? '' : ` ${needsImages}`;
const folder = temporaryFolder();
afterAll(() => folder.remove());

const key = 'us-central1/cafe/images';
const registry = 'us-docker.pkg.dev/cloudrun/container';
const yamlPath = join(folder.path, 'service.yaml');

const examples = leaves(tree)
  .flatMap(({ spec }) => spec.examples ?? [])
  .map(({ line }) => line)
  .filter((line) => /^sealpost (?:run|vault) /.test(line));

/** An example of the help, its stand-ins replaced by what is there, and what a look at it shows. */
interface Step {
  readonly line: string;
  readonly typed?: () => Promise<string>;
  readonly look: (text: string, typed: string) => Promise<void> | void;
}

const firstRevision = async (): Promise<string> => {
  const revisions = (await cli.json('run revisions list hello')) as {
    metadata: { name: string };
  }[];
  return revisions.at(-1)!.metadata.name;
};

const named = (line: string) => async (): Promise<string> =>
  line.replace('hello-00001-abc', await firstRevision());

const isReady = (number: number) => (text: string) => {
  const pattern = `^Revision hello-0000${number}-[a-z]{3} of hello is ready\\.\nURL: http://hello\\.localhost:\\d+\n$`;
  expect(text).toMatch(new RegExp(pattern));
};

const steps: readonly Step[] = [
  { line: `run deploy hello --image ${registry}/hello`, look: isReady(1) },
  { line: `run deploy hello --key ${key}`, look: isReady(2) },
  { line: 'run deploy hello --post-key-revocation-action-type shut-down', look: isReady(3) },
  {
    line: 'run services list',
    look: async (text, typed) => {
      const url = `http://hello.localhost:${new URL(vault.url).port}`;
      expect(rowsOf(text)).toEqual([['hello', 'us-central1', url, key, 'True']]);
      expect(await cli.json(typed)).toMatchObject([
        { kind: 'Service', metadata: { name: 'hello' } },
      ]);
      expect((await vault.visit(url)).text).toBe('hello');
    },
  },
  {
    line: 'run services describe hello --export',
    look: async (text, typed) => {
      expect(text).toMatch(/^apiVersion: serving\.knative\.dev\/v1\nkind: Service\n/);
      expect(text).not.toMatch(/status|lastModifier|resourceVersion|uid/);
      expect(await cli.json(typed)).toMatchObject({ metadata: { name: 'hello' } });
      writeFileSync(yamlPath, text);
      const shown = await cli.said('run services describe hello');
      expect(shown).toMatch(/^Ready +True$/m);
      expect(shown).toMatch(/^On revocation +shut-down: .* after 1 h$/m);
    },
  },
  {
    line: 'run services replace service.yaml',
    typed: async () => `run services replace ${yamlPath}`,
    look: (text) => {
      expect(text).toBe('Replaced projects/page/locations/us-central1/services/hello.\n');
    },
  },
  {
    line: 'run revisions list hello',
    look: (text) => {
      const rows = rowsOf(text);
      // What was exported and given back is what there was: no fourth one.
      expect(rows.map(([id]) => id?.slice(0, 11))).toEqual(
        ['3', '2', '1'].map((n) => `hello-0000${n}`),
      );
      expect(rows[0]).toEqual([
        expect.any(String),
        expect.stringMatching(/^\d+ (s|min)$/),
        key,
        '100 %',
        'True',
        expect.stringContaining('succeeded'),
      ]);
      for (const line of text.split('\n')) expect(line.length).toBeLessThan(121);
    },
  },
  {
    line: 'run revisions describe hello-00001-abc',
    typed: named('run revisions describe hello-00001-abc'),
    look: (text) => {
      expect(text).toMatch(/^Digest +.*sha256:[0-9a-f]{64}$/m);
      expect(text).toMatch(/^Key +the server's own$/m);
      expect(text).toMatch(/^Conditions +Ready /m);
    },
  },
  {
    line: 'run instances hello',
    look: async (text, typed) => {
      const [newest] = rowsOf(text);
      const patterns = [/^[0-9a-f]{8}$/, /^hello-00003-/, /^READY$/, /^\d+ (s|min)$/, /^\d+ ms$/];
      for (const [at, pattern] of patterns.entries()) expect(newest?.[at]).toMatch(pattern);
      expect(newest?.[5]).toMatch(/^\d+\.\d ms$/);
      expect(newest?.[6]).toMatch(/^\d+\.\d MiB$/);
      for (const line of text.split('\n')) expect(line.length).toBeLessThan(121);
      expect(await cli.json(typed)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ id: expect.stringMatching(/^[0-9a-f]{20}$/) as unknown }),
        ]),
      );
    },
  },
  {
    line: 'run logs hello --since 1h',
    look: async (text, typed) => {
      expect(text).toMatch(/^TIME \(UTC\) +REVISION +LOG +SEVERITY +TEXT$/m);
      expect(text).toMatch(
        /^\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}00003-[a-z]{3} {2}system {4}INFO {6}Deploying revision succeeded\.$/m,
      );
      expect(text).toMatch(/ requests {2}INFO {6}GET \/ 200 \d+\.\d ms$/m);
      // Who changed the service is in the audit log, which has a command of its own.
      expect(text).not.toContain('cloudaudit');
      expect(await cli.json(typed)).toEqual(
        expect.arrayContaining([expect.objectContaining({ severity: 'INFO' })]),
      );
    },
  },
  {
    line: 'run logs hello --follow',
    look: (text) => expect(text).toContain('Deploying revision succeeded.'),
  },
  {
    line: `vault import hello ${registry}/hello:v2`,
    look: async (text, typed) => {
      expect(text).toMatch(/^Imported \S+:v2 as sha256:[0-9a-f]{64} for hello\.\nNext: sealpost /);
      expect(await cli.json(typed)).toMatchObject({ state: 'done', layers: 1, storedLayers: 1 });
    },
  },
  {
    line: 'vault ls',
    look: async (text, typed) => {
      const [newest] = rowsOf(text);
      expect(newest?.slice(0, 2)).toEqual(['hello', `${registry}/hello:v2`]);
      expect(newest?.[2]).toMatch(/^sha256:[0-9a-f]{12}$/);
      expect(newest?.slice(3, 5)).toEqual([key, '1']);
      expect(newest?.[5]).toMatch(/^\d+\.\d MiB$/);
      expect((await cli.json(typed)) as unknown[]).toHaveLength(3);
    },
  },
  {
    line: 'vault ls hello',
    look: async (text, typed) => {
      expect(text).toMatch(/^ +1 {2}-0755 {2}0:0 +\d+\.\d MiB {2}\/bin\/busybox$/m);
      expect(text).toMatch(/^ +1 {2}-0644 {2}0:0 +5 B {2}\/www\/index\.html$/m);
      expect(text).toMatch(/^ +1 {2}l\d{4} {2}0:0 +\/bin\/sh -> busybox$/m);
      expect((await cli.run(typed)).stderr).toMatch(/^The newest of several, sha256:/);
      const [, digest] = /--digest (sha256:\S{12})/.exec((await cli.run(typed)).stderr) ?? [];
      expect((await cli.run(`${typed} --digest ${digest}`)).code).toBe(0);
    },
  },
  {
    line: 'vault keys',
    look: async (text, typed) => {
      const [row] = rowsOf(text);
      expect(row?.slice(0, 3)).toEqual([key, 'page', 'ENABLED']);
      expect(row?.[3]).toMatch(/^\d+ (s|min)$/);
      expect(row?.[4]).toBe('1 (1 DEK)');
      expect(await cli.json(typed)).toMatchObject({
        keys: [{ condition: 'ENABLED' }],
        shutdowns: [],
      });
    },
  },
  {
    line: 'vault verify',
    look: async (text, typed) => {
      expect(text).toMatch(/^vault-layers +3 /m);
      expect(text).toContain('All that was found and could be opened is what was written.');
      expect(await cli.json(typed)).toMatchObject({ state: 'done', findings: [] });
    },
  },
  {
    line: `vault rewrap ${key}`,
    look: async (text) => {
      expect(text).toBe('Rewrapped 0 of 1 DEK; 1 had no need.\n');
      await cli.said(`keys versions create ${key}`);
      await cli.said(`keys versions primary ${key} 2`);
      expect(await cli.said(`vault rewrap ${key}`)).toBe('Rewrapped 1 of 1 DEK; 0 had no need.\n');
      expect(await cli.said('vault keys')).toContain('2 (1 DEK)');
      expect(await cli.json('vault rewrap')).toEqual({ scanned: 2, rewrapped: 0, failed: 0 });
    },
  },
  {
    line: 'vault gc',
    look: async (text, typed) => {
      expect(text).toMatch(/^Nothing to remove\. Layers stay for an hour/);
      expect(await cli.json(typed)).toEqual({ removed: 0, bytes: 0 });
    },
  },
  {
    line: 'run revisions delete hello-00001-abc',
    typed: named('run revisions delete hello-00001-abc'),
    look: (text) => expect(text).toMatch(/^Deleted \S+\/revisions\/hello-00001-[a-z]{3}\.\n$/),
  },
  {
    line: 'run services delete hello',
    look: async (text) => {
      expect(text).toMatch(/^Deleted projects\/page\/locations\/us-central1\/services\/hello;/);
      expect(await cli.json('run services list')).toEqual([]);
      await vault.until(
        () => cli.json('vault ls'),
        (images) => (images as unknown[]).length === 0,
      );
    },
  },
];

describe.skipIf(!canRunImages)('sealpost run and sealpost vault', () => {
  test(`each example of the help does what it says${why}`, { timeout: 300_000 }, async () => {
    await cli.makeKey('images');
    await vault.push('cloudrun/container/hello:v2', 'later');
    expect(steps.map(({ line }) => `sealpost ${line}`).toSorted()).toEqual(examples.toSorted());
    for (const { line, typed, look } of steps) {
      const command = (await typed?.()) ?? line;
      const isEndless = line.endsWith('--follow');
      const ended = isEndless
        ? await cli.interrupted(command, /Following/)
        : await cli.run(command);
      expect(ended.code, `${command}: ${ended.stderr}`).toBe(0);
      await look(ended.stdout, command);
    }
  });
});
