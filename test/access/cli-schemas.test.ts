import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { runCli, type CliEnded } from '../support/cli-process.ts';
import { useLiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

const live = useLiveServer();
const folder = temporaryFolder();
afterAll(() => folder.remove());

const cli = async (...argv: readonly string[]): Promise<CliEnded> =>
  await runCli([...argv], { SEALPOST_SERVER: live.url, SEALPOST_PROJECT: 'shop' });
const line = async (text: string): Promise<CliEnded> => await cli(...text.split(' '));

function file(name: string, text: string): string {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
}

const proto = (...fields: readonly string[]): string =>
  file(
    `order-${fields.length}.proto`,
    [
      'syntax = "proto3";',
      'message Order {',
      ...fields.map((name, i) => `  string ${name} = ${i + 1};`),
      '}',
      '',
    ].join('\n'),
  );
const name = 'projects/shop/schemas/order';

describe('sealpost schemas', () => {
  test('live from create to delete, and topics take what conforms to them', async () => {
    expect(await line('schemas list')).toMatchObject({ stderr: 'There are no schemas in shop.\n' });
    const created = await cli(
      'schemas',
      'create',
      'order',
      '--type=protocol-buffer',
      `--definition-file=${proto('id')}`,
    );
    expect(created.stdout).toMatch(
      /^Created projects\/shop\/schemas\/order, revision [0-9a-f]{8}\.\nNext: sealpost topics create NAME --schema order --encoding json\n$/,
    );
    const one = /revision ([0-9a-f]{8})/.exec(created.stdout)![1]!;
    const committed = await cli(
      'schemas',
      'commit',
      'order',
      `--definition-file=${proto('id', 'note')}`,
    );
    const two = /^Revision ([0-9a-f]{8}) of projects\/shop\/schemas\/order\.\n$/.exec(
      committed.stdout,
    )![1]!;
    const listed = await line('schemas list');
    expect(listed.stdout).toMatch(
      new RegExp(`^SCHEMA  TYPE +REVISION +CREATED\\norder   protocol-buffer  ${two}  \\S+Z\\n$`),
    );
    expect((await line('schemas list --ids')).stdout).toBe('order\n');
    const shown = await line(`schemas describe order@${one}`);
    expect(shown.stdout).toContain(`Schema     ${name}@${one}\nType       protocol-buffer\n`);
    expect(shown.stdout).toContain(`Revisions  ${two}  `);
    expect(shown.stdout).toContain('\nmessage Order {\n  string id = 1;\n}\n');
    const topic = await line(
      `topics create orders --schema order --encoding json --first-revision ${one}`,
    );
    expect(topic).toMatchObject({ code: 0 });
    expect((await line('topics describe orders')).stdout).toContain(
      `Schema         order as json, from revision ${one}\n`,
    );
    expect((await cli('publish', 'orders', '{"id":"1","note":"2"}')).code).toBe(0);
    const refused = await cli('publish', 'orders', '{"nothing":"1"}');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('Message failed schema validation');
    await line(`topics update orders --last-revision ${one}`);
    expect((await cli('publish', 'orders', '{"id":"1","note":"2"}')).code).not.toBe(0);
    const back = await line(`schemas rollback order --revision ${one}`);
    expect(back.stdout).toMatch(new RegExp(`says what ${one} says\\.\\n$`));
    expect((await line(`schemas delete-revision order@${two}`)).stdout).toContain(
      `Deleted ${name}@${two}; the newest revision is `,
    );
    expect((await line('topics update orders --clear-schema')).code).toBe(0);
    expect((await cli('publish', 'orders', 'anything')).code).toBe(0);
    expect((await line('schemas delete order')).stdout).toBe(`Deleted ${name}.\n`);
  });

  test('validate says whether a definition or a message is valid', async () => {
    const definition = ['--type', 'avro', '--definition', '"string"'];
    expect((await cli('schemas', 'validate', ...definition)).stdout).toBe(
      'The definition is valid.\n',
    );
    const broken = ['--type', 'avro', '--definition', '"strong"'];
    const refused = await cli('schemas', 'validate', ...broken);
    expect([refused.code === 0, refused.stderr.includes('Invalid schema definition')]).toEqual([
      false,
      true,
    ]);
    const message = ['--message', '"a text"', '--encoding', 'json'];
    expect((await cli('schemas', 'validate', ...definition, ...message)).stdout).toBe(
      'The message is valid.\n',
    );
    await cli('schemas', 'create', 'text', ...definition);
    expect((await cli('schemas', 'validate', 'text', ...message)).stdout).toBe(
      'The message is valid.\n',
    );
    const number = ['--message', '7', '--encoding', 'json'];
    expect((await cli('schemas', 'validate', 'text', ...number)).stderr).toContain(
      'Message failed schema validation',
    );
  });

  test('publishing and validating say in which way a message departs from its schema', async () => {
    const fields = [{ name: 'price', type: 'int' }];
    const definition = JSON.stringify({ type: 'record', name: 'Bill', fields });
    await cli('schemas', 'create', 'bill', '--type', 'avro', '--definition', definition);
    await line('topics create bills --schema bill --encoding json');
    const why =
      /INVALID_ARGUMENT: Invalid data in message: Message failed schema validation\. \(.*price: JSON object with type string does not match schema which expected number_integer/;
    expect((await cli('publish', 'bills', '{"price":"much"}')).stderr).toMatch(why);
    const message = ['--message', '{"price":"much"}', '--encoding', 'json'];
    expect((await cli('schemas', 'validate', 'bill', ...message)).stderr).toMatch(why);
    const given = ['--type', 'avro', '--definition', definition];
    expect((await cli('schemas', 'validate', ...given, ...message)).stderr).toMatch(why);
  });

  test.each([
    ['schemas create order', 'A definition needs a type.'],
    ['schemas create order --type avro', 'A definition is needed.'],
    ['schemas rollback order', 'A rollback needs a revision.'],
    ['schemas delete-revision order', 'No revision is named.'],
    ['schemas describe order@new', '"new" is no revision'],
    ['schemas validate order', 'A message is needed.'],
    ['schemas validate order --message 1', 'A message needs an encoding.'],
    ['schemas create order --type avro --definition 1 --definition-file x', 'Give one of'],
    ['topics update orders --clear-schema --schema order', '--clear-schema contradicts'],
  ])('%s is a usage error that says what is missing', async (text, words) => {
    const { code, stderr } = await line(text);
    expect([code, stderr.includes(words)]).toEqual([2, true]);
  });

  test('a schema that is not there leads to the list of those that are', async () => {
    const { code, stderr } = await line('topics create lost --schema none --encoding json');
    expect(code).not.toBe(0);
    expect(stderr).toContain('sealpost schemas list');
    expect((await line('schemas describe none')).stderr).toContain('sealpost schemas list');
  });
});
