import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { CliProcess, runCli, type CliEnded } from '../support/cli-process.ts';
import { useLiveServer } from '../support/live-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const live = useLiveServer();
const variables = (): Record<string, string> => ({
  SEALPOST_SERVER: live.url,
  SEALPOST_PROJECT: 'talk',
});

const cli = (argv: readonly string[], input = ''): Promise<CliEnded> =>
  runCli(argv, { ...variables(), input });
const start = (...argv: string[]): CliProcess => new CliProcess(argv, variables());
const numbers = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, at) => `${from + at}\n`).join('');

/** A topic of its own with a subscription of the same id. */
async function topic(id: string): Promise<string> {
  await cli(['topics', 'create', id]);
  // A lease that ended on a slow machine would deliver twice.
  await cli(['subscriptions', 'create', id, '--topic', id, '--ack-deadline', '10m']);
  return `projects/talk/topics/${id}`;
}

/** The data of everything that waits, as the subscription gives it. */
async function drained(id: string, count: number): Promise<string[]> {
  const { stdout } = await cli(['subscribe', id, '--max', String(count)]);
  return stdout.split('\n').slice(0, -1);
}

describe('publish', () => {
  test('a message with attributes comes back by pull, and is acknowledged if asked', async () => {
    const name = await topic('single');
    const argv = [
      'publish',
      'single',
      'one espresso',
      '--attribute',
      'table=7',
      '--attribute',
      'a=b',
    ];
    expect(await cli(argv)).toEqual({
      code: 0,
      stdout: `Published 1 message to ${name}.\n`,
      stderr: '',
    });
    const shown = await cli(['pull', 'single', '--ack']);
    expect(shown.stdout).toMatch(
      /^MESSAGE +PUBLISHED +ATTRIBUTES +DATA\n\d+ +\S+Z {2}a=b,table=7 {2}one espresso\n$/,
    );
    expect(shown.stderr).toBe('Acknowledged 1 message.\n');
    expect(await cli(['pull', 'single', '--json'])).toEqual({
      code: 0,
      stdout: '[]\n',
      stderr: 'No message waits in single now.\n',
    });
  });

  test('the bytes of a file are one message', async () => {
    await topic('file');
    const folder = mkdtempSync(join(tmpdir(), 'sealpost-'));
    const path = join(folder, 'image');
    writeFileSync(path, Uint8Array.of(0, 10, 255, 0));
    expect((await cli(['publish', 'file', '--file', path])).code).toBe(0);
    const missing = await cli(['publish', 'file', '--file', join(folder, 'none')]);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      `sealpost publish: ${join(folder, 'none')} cannot be read (ENOENT).\n`,
    ]);
    rmSync(folder, { recursive: true });
    const { stdout } = await cli(['pull', 'file', '--json']);
    expect(JSON.parse(stdout)).toMatchObject([{ dataBase64: 'AAr/AA==' }]);
  });

  test('a hundred thousand lines are a hundred thousand messages', async () => {
    const name = await topic('many');
    const published = await cli(['publish', 'many'], numbers(1, 100_000));
    expect(published).toEqual({
      code: 0,
      stdout: `Published 100,000 messages to ${name}.\n`,
      stderr: '',
    });
    const path = 'sealpost/v1/projects/talk/subscriptions/many:diagnose';
    const { unackedCount } = (await (await fetch(`${live.url}/${path}`)).json()) as {
      unackedCount: number;
    };
    expect(unackedCount).toBe(100_000);
    const { stdout } = await cli(['pull', 'many', '--max', '1000', '--json']);
    const lines = (JSON.parse(stdout) as { data: string }[]).map(({ data }) => Number(data));
    expect(lines.every((line) => line >= 1 && line <= 100_000)).toBe(true);
    expect(new Set(lines).size).toBe(1000);
  });

  test('empty lines are skipped and counted; with an attribute they are messages', async () => {
    const name = await topic('empty');
    expect(await cli(['publish', 'empty'], 'a\n\n\nb')).toEqual({
      code: 0,
      stdout: `Published 2 messages to ${name}.\n`,
      stderr: 'Skipped 2 empty lines.\n',
    });
    const marked = await cli(['publish', 'empty', '--attribute', 'k=v'], '\n\n');
    expect(marked.stdout).toBe(`Published 2 messages to ${name}.\n`);
  });

  test('pieces between NUL bytes may hold line breaks', async () => {
    await topic('nul');
    const ended = await cli(['publish', 'nul', '--null-delimited', '--json'], 'a\nb\0c\0');
    expect(ended.stdout).toMatch(/^(\{"messageId":"\d+"\}\n){2}$/);
    const { stdout } = await cli(['pull', 'nul', '--json']);
    const messages = JSON.parse(stdout) as { data: string }[];
    expect(messages.map(({ data }) => data).toSorted()).toEqual(['a\nb', 'c']);
  });

  test('what subscribe prints as JSON can be published again', async () => {
    await topic('source');
    const name = await topic('target');
    const lines = '{"data":"x","attributes":{"a":"1"}}\n{"dataBase64":"/w=="}\n';
    await cli(['publish', 'source', '--jsonl'], lines);
    const printed = await cli(['subscribe', 'source', '--max', '2', '--format', 'json']);
    const again = await cli(['publish', 'target', '--jsonl'], printed.stdout);
    expect(again.stdout).toBe(`Published 2 messages to ${name}.\n`);
    const { stdout } = await cli(['pull', 'target', '--json']);
    const messages = (JSON.parse(stdout) as object[]).toSorted((one) => ('data' in one ? -1 : 1));
    expect(messages).toMatchObject([{ data: 'x', attributes: { a: '1' } }, { dataBase64: '/w==' }]);
  });

  test('a bad line ends it; what came before is published, and both are said', async () => {
    await topic('bad');
    const ended = await cli(
      ['publish', 'bad', '--jsonl'],
      '{"data":"1"}\n{"data":"2"}\nnonsense\n{"data":"4"}\n',
    );
    expect(ended).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'sealpost publish: Line 3 is no message: it is no JSON. Published 2 messages; ' +
        '2 that were read are not. See sealpost help publish.\n',
    });
  });

  test('a topic that does not exist ends it with the count of what was not published', async () => {
    const ended = await cli(['publish', 'nowhere'], numbers(1, 5));
    expect([ended.code, ended.stdout]).toEqual([3, '']);
    expect(ended.stderr).toContain('NOT_FOUND: Resource not found (resource=nowhere).');
    expect(ended.stderr).toContain('Published 0 messages; 5 that were read are not.');
  });

  test('a message that no request can hold is refused', async () => {
    await topic('large');
    const ended = await cli(['publish', 'large'], `ok\n${'x'.repeat(7_800_001)}\n`);
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toContain('Input message 2 is longer than 7800000 bytes.');
    expect(ended.stderr).toContain('Published 1 message; 1 that was read is not.');
    expect((await cli(['publish', 'large'], 'x'.repeat(7_000_000))).code).toBe(0);
  });
});

describe('a stream of lines that goes on', () => {
  test('is published as it comes, and Ctrl-C ends it well', async () => {
    const name = await topic('live');
    const publisher = start('publish', 'live', '--json');
    publisher.child.stdin.write('one\ntwo\n');
    await publisher.said('stdout', /^(\{.*\n){2}/);
    publisher.child.kill('SIGINT');
    const { code, stdout, stderr } = await publisher.ended;
    expect([code, stdout.split('\n').length - 1, stderr]).toEqual([0, 2, '']);
    expect((await drained('live', 2)).toSorted()).toEqual(['one', 'two']);
    expect(name).toContain('live');
  });

  test('that stops in the middle of a line says so, and does not publish half of it', async () => {
    await topic('half');
    const publisher = start('publish', 'half', '--json');
    publisher.child.stdin.write('one\ntwo\nthr');
    await publisher.said('stdout', /^(\{.*\n){2}/);
    publisher.child.kill('SIGTERM');
    const { code, stderr } = await publisher.ended;
    expect(code).toBe(1);
    expect(stderr).toBe(
      'sealpost publish: The last line was not finished. ' +
        'Published 2 messages; 1 that was read is not.\n',
    );
  });

  test('outlives a restart of the server, and loses nothing', async () => {
    await topic('restart');
    const publisher = start('publish', 'restart', '--json');
    publisher.child.stdin.write(numbers(1, 1000));
    await publisher.said('stdout', /^(\{.*\n){1000}/);
    await live.stop();
    publisher.child.stdin.end(numbers(1001, 2000));
    await live.start();
    const { code, stdout } = await publisher.ended;
    expect([code, stdout.split('\n').length - 1]).toEqual([0, 2000]);
    // A batch whose answer was lost may be there twice, but each line is there.
    const lines = new Set<string>();
    while (lines.size < 2000) {
      const pulled = await cli(['pull', 'restart', '--max', '10000', '--ack', '--json']);
      for (const { data } of JSON.parse(pulled.stdout) as { data: string }[]) lines.add(data);
    }
    expect([...lines].toSorted((one, other) => Number(one) - Number(other)).at(-1)).toBe('2000');
  });

  test('ends with its count when the key is taken away', async () => {
    await cli(['keys', 'rings', 'create', 'cafe']);
    await cli(['keys', 'create', 'cafe/k']);
    await cli(['keys', 'grant', 'cafe/k']);
    await cli(['topics', 'create', 'sealed', '--key', 'cafe/k']);
    const publisher = start('publish', 'sealed', '--json');
    publisher.child.stdin.write('one\n');
    await publisher.said('stdout', /messageId/);
    await cli(['keys', 'versions', 'disable', 'cafe/k', '1']);
    publisher.child.stdin.write('two\n');
    const { code, stderr } = await publisher.ended;
    expect(code).toBe(5);
    expect(stderr).toMatch(/FAILED_PRECONDITION: .* Published 1 message; 1 that was read is not\./);
  });
});

describe('pull --ack', () => {
  test.skipIf(!existsSync('/dev/full'))('on a full disk says so and keeps all', async () => {
    await topic('full');
    await cli(['publish', 'full', 'kept']);
    const argv = [join(import.meta.dirname, '../../bin/sealpost.js'), 'pull', 'full', '--ack'];
    const child = spawn(process.execPath, argv, {
      env: { ...process.env, ...variables() },
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code] = (await once(child, 'close')) as [number];
    expect([code, stderr]).toEqual([1, 'sealpost: the output cannot be written (ENOSPC).\n']);
    const path = 'sealpost/v1/projects/talk/subscriptions/full:diagnose';
    expect(await (await fetch(`${live.url}/${path}`)).json()).toMatchObject({ unackedCount: 1 });
  });

  test.each([[[]], [['--json']]])('%j gives back what nobody could read', async (format) => {
    const id = `unread${format.length}`;
    await topic(id);
    await cli(['publish', id, 'kept']);
    const reader = start('pull', id, '--ack', ...format);
    reader.child.stdout.destroy();
    const { code, stderr } = await reader.ended;
    expect([code, stderr]).toEqual([0, 'Nobody read it: 1 message given back.\n']);
    expect((await cli(['pull', id, '--ack'])).stdout).toContain('kept');
  });
});

describe('subscribe', () => {
  beforeAll(async () => {
    await topic('news');
  });

  test('prints lines as they arrive, and Ctrl-C ends it well', async () => {
    const reader = start('subscribe', 'news');
    await cli(['publish', 'news', 'hello']);
    await reader.said('stdout', /^hello\n$/);
    reader.child.kill('SIGINT');
    expect(await reader.ended).toEqual({
      code: 0,
      stdout: 'hello\n',
      stderr:
        'Listening to projects/talk/subscriptions/news. Ctrl-C ends it.\nReceived 1 message.\n',
    });
    expect((await cli(['pull', 'news', '--json'])).stdout).toBe('[]\n');
  });

  test('ends without an error when nobody reads what it prints', async () => {
    const reader = start('subscribe', 'news', '--no-ack');
    await cli(['publish', 'news', 'first']);
    await reader.said('stdout', /first/);
    reader.child.stdout.destroy();
    await cli(['publish', 'news', 'second']);
    const { code, stderr } = await reader.ended;
    expect(code).toBe(0);
    expect(stderr).toContain('none of them acknowledged.\n');
    expect((await drained('news', 2)).toSorted()).toEqual(['first', 'second']);
  });

  test('ends soon after Ctrl-C when the server is gone and answers no ack', async () => {
    const proxy = new TcpProxy(() => Number(new URL(live.url).port));
    await proxy.start();
    await topic('gone');
    const reader = new CliProcess(['subscribe', 'gone'], {
      ...variables(),
      SEALPOST_SERVER: proxy.url,
    });
    const { stdout } = reader.child;
    // More than a pipe holds: until it is read on, the command stands in the middle of its writing.
    const isWriting = once(stdout, 'data').then(() => stdout.pause());
    await cli(['publish', 'gone'], 'x'.repeat(2 ** 20));
    await isWriting;
    await proxy.stop();
    reader.child.kill('SIGINT');
    stdout.resume();
    const { code, stderr } = await reader.ended;
    expect(code).toBe(0);
    expect(stderr).toContain(
      'Received 1 message.\n1 message may come again: no ack was answered.\n',
    );
  });

  test('of a topic gets what is published from then on, and leaves nothing behind', async () => {
    const reader = start('subscribe', '--topic', 'news', '--max', '1', '--format', 'raw');
    await reader.said('stderr', /^Listening to projects\/talk\/topics\/news\./);
    await cli(['publish', 'news', 'only this']);
    expect((await reader.ended).stdout).toBe('only this');
    const { stdout } = await cli(['subscriptions', 'list', '--ids']);
    expect(stdout).not.toContain('ephemeral');
    await drained('news', 1);
  });

  test('says why it waits when the key is taken away, and goes on when it is back', async () => {
    await cli(['keys', 'create', 'cafe/w']);
    await cli(['keys', 'grant', 'cafe/w']);
    await cli(['topics', 'create', 'watched', '--key', 'cafe/w']);
    await cli(['subscriptions', 'create', 'watched', '--topic', 'watched']);
    const reader = start('subscribe', 'watched', '--max', '1');
    await reader.said('stderr', /Listening/);
    await cli(['keys', 'versions', 'disable', 'cafe/w', '1']);
    await reader.said('stderr', /Waiting: .*DISABLED/);
    await cli(['keys', 'versions', 'enable', 'cafe/w', '1']);
    await reader.said('stderr', /Delivery goes on\./);
    await cli(['publish', 'watched', 'back again']);
    const { code, stdout } = await reader.ended;
    expect([code, stdout]).toEqual([0, 'back again\n']);
  });

  test.each([
    [['news', '--topic', 'news'], 'Give either SUBSCRIPTION or --topic TOPIC.'],
    [['news', '--json', '--format', 'raw'], '--json and --format raw contradict each other.'],
    [['news', '--max', '0'], '--max must be a whole number from 1 to 1000000000, not "0".'],
  ])('%j is refused', async (argv, message) => {
    expect(await cli(['subscribe', ...argv])).toEqual({
      code: 2,
      stdout: '',
      stderr: `sealpost subscribe: ${message}\n`,
    });
  });
});
