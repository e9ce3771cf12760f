import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../bench/servers/program.ts';
import { CliProcess, runCli, type CliEnded } from '../support/cli-process.ts';
import { useLiveServer } from '../support/live-server.ts';

const root = join(import.meta.dirname, '..', '..');
const has = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;

const live = useLiveServer();
const variables = (): Record<string, string> => ({
  SEALPOST_SERVER: live.url,
  SEALPOST_PROJECT: 'shop',
});
/** Words of a command line, separated by blanks. */
const cli = (line: string): Promise<CliEnded> => runCli(line.split(' '), variables());

beforeAll(async () => {
  await cli('keys rings create cafe');
  await cli('keys create cafe/orders');
  await cli('keys grant cafe/orders');
  await cli('topics create orders --key cafe/orders');
  await cli('subscriptions create kitchen --topic orders');
  await cli('topics create lonely');
});

describe('doctor', () => {
  test('says what is well, and what only warns has exit code 0', async () => {
    const { code, stdout, stderr } = await cli('doctor');
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^http:\S+ is ready: Sealpost \d+\.\d+\.\d+ on Node 24\./);
    expect(stdout).toContain('projects/shop/topics/lonely\n');
    expect(stdout).toContain('Try: sealpost subscriptions create NAME --topic lonely\n');
    expect(lines.at(-2)).toMatch(/^Looked at 3 resources: 0 errors, \d+ warnings?\.$/);
  });

  test('without a project it looks at the server alone, and does not call all well', async () => {
    const { code, stdout, stderr } = await runCli(['doctor'], { SEALPOST_SERVER: live.url });
    expect([code, stdout.split('\n').length]).toEqual([2, 2]);
    expect(stderr).toBe(
      'sealpost doctor: No project is named, so that no topic or subscription was looked at. ' +
        'Add --project ID, or set SEALPOST_PROJECT.\n',
    );
  });

  test('names a key that is disabled, the worst first, and the command that mends it', async () => {
    await cli('publish orders coffee');
    await cli('keys versions disable cafe/orders 1');
    const all = await cli('doctor');
    const one = await cli('doctor kitchen');
    const json = await cli('doctor orders --json');
    await cli('keys versions enable cafe/orders 1');
    expect([all.code, one.code, json.code]).toEqual([1, 1, 1]);
    expect(all.stdout.indexOf('topics/orders')).toBeLessThan(all.stdout.indexOf('topics/lonely'));
    expect(one.stdout).toContain('key cafe/orders cannot be used');
    expect(one.stdout).toMatch(/error {4}KEY_UNUSABLE: .*DISABLED/);
    expect(one.stdout).toContain('Try: sealpost keys versions enable cafe/orders 1\n');
    expect(JSON.parse(json.stdout)).toMatchObject({
      resources: [{ topic: 'projects/shop/topics/orders', key: { reason: 'KEY_DISABLED' } }],
      errorCount: 1,
    });
    expect((await cli('doctor orders')).code).toBe(0);
  });

  test('names a binding that is missing', async () => {
    await cli('keys revoke cafe/orders');
    const { stdout } = await cli('doctor orders');
    await cli('keys grant cafe/orders');
    expect(stdout).toContain('Try: sealpost keys grant cafe/orders --project shop\n');
  });

  test('tells a server that is not there, and a name that does not exist', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const gone = await runCli(['doctor', '--server', url]);
    expect(gone).toEqual({
      code: 6,
      stderr: '',
      stdout:
        `${url}\n  error    SERVER_UNREACHABLE: ${url} refuses connections. ` +
        'Is the server running? Start it with: npm start\n',
    });
    const named = await runCli(['doctor', 'kitchen', '--server', url, '--project', 'shop']);
    expect(named.code).toBe(6);
    const unknown = await cli('doctor nobody');
    expect([unknown.code, unknown.stdout]).toEqual([3, '']);
    expect(unknown.stderr).toContain('There is neither a topic nor a subscription nobody.');
  });
});

describe('top', () => {
  test('prints one snapshot where there is no terminal', async () => {
    await cli('publish orders tea');
    const { code, stdout, stderr } = await cli('top --interval 1s');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Sealpost at http:\S+, project shop, \d\d:\d\d:\d\d UTC\npub /);
    expect(stdout).toMatch(/^orders +cafe\/orders +ENABLED 1 +0$/m);
    expect(stdout).toMatch(/^kitchen +orders +\d+ +\d+ \w+ +0 +0 +0$/m);
  });

  test('measures rates, as JSON for programs', async () => {
    const watcher = new CliProcess(['top', '--json', '--interval', '3s'], variables());
    // Whatever falls between its two looks is counted; it publishes until one surely does.
    let isOver = false;
    const over = watcher.ended.then(() => (isOver = true));
    const publish = `${live.url}/v1/projects/shop/topics/orders:publish`;
    const body = JSON.stringify({ messages: [{ data: 'dGljaw==' }] });
    while (!isOver) await (await fetch(publish, { method: 'POST', body })).text();
    await over;
    const { totals, topics } = JSON.parse((await watcher.ended).stdout) as {
      totals: { publishedPerSecond: number };
      topics: { topic: string; publishedPerSecond: number }[];
    };
    expect(totals.publishedPerSecond).toBeGreaterThan(0);
    const [busiest] = topics;
    expect(busiest?.topic).toBe('projects/shop/topics/orders');
  });

  test.skipIf(!has('python3'))(
    'draws on a terminal of 80 by 24, obeys its keys, and gives it back (needs python3)',
    async () => {
      const script = [
        'import fcntl, os, pty, select, struct, sys, termios',
        'pid, fd = pty.fork()',
        'if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])',
        "fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))",
        'before = termios.tcgetattr(fd)',
        'seen, step = b"", 0',
        'while True:',
        '    try: chunk = os.read(fd, 65536)',
        '    except OSError: break',
        '    if not chunk: break',
        '    seen += chunk',
        '    if step == 0 and b"(backlog)" in seen: step = 1; os.write(fd, b"n")',
        '    if step == 1 and b"(name)" in seen: step = 2; os.write(fd, b"q")',
        'code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])',
        'sys.stdout.buffer.write(seen); sys.stderr.write(str(code))',
      ].join('\n');
      const argv = ['-c', script, process.execPath, join(root, 'bin', 'sealpost.js'), 'top'];
      const env = { ...process.env, ...variables() };
      const { stdout, stderr } = await promisify(execFile)('python3', argv, { env });
      expect(stderr).toBe('0');
      expect(stdout.startsWith('\u001B[?1049h\u001B[?25l')).toBe(true);
      expect(stdout.endsWith('\u001B[?25h\u001B[?1049l')).toBe(true);
      expect(stdout).toContain('SUBSCRIPTION');
      const parts = stdout.split('\u001B[').map((part) => part.replace(/^[?\d;]*[a-zA-Z]/, '\n'));
      const lines = parts.join('').split(/[\r\n]+/);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    },
  );
});

describe('completion', () => {
  /** What bash offers after `line`; its last word may be begun. */
  async function offered(line: string): Promise<string[]> {
    const words = line.split(' ');
    const script = [
      `sealpost() { "${process.execPath}" "${join(root, 'bin', 'sealpost.js')}" "$@"; }`,
      'source <(sealpost completion bash)',
      `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
      `COMP_CWORD=${words.length - 1}`,
      '_sealpost',
      'printf "%s\\n" "${COMPREPLY[@]}"',
    ].join('\n');
    const env = { ...process.env, ...variables() };
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { env });
    return stdout.split('\n').filter((word) => word !== '');
  }

  test.skipIf(!has('bash')).each([
    [
      'sealpost ',
      [
        'topics',
        'subscriptions',
        'snapshots',
        'schemas',
        'keys',
        'accounts',
        'api-keys',
        'publish',
        'pull',
        'subscribe',
        'replay',
        'doctor',
        'top',
        'verify',
        'audit',
        'apply',
        'export-config',
        'run',
        'vault',
        'root',
        'backup',
        'completion',
        'serve',
        'demo',
        'compact',
        'restore',
        'help',
        'version',
      ],
    ],
    ['sealpost sub', ['subscriptions', 'subscribe']],
    ['sealpost topics ', ['create', 'list', 'describe', 'update', 'delete']],
    ['sealpost keys versions e', ['enable']],
    ['sealpost topics describe ', ['lonely', 'orders']],
    ['sealpost publish or', ['orders']],
    ['sealpost publish --attribute a=b or', ['orders']],
    ['sealpost pull k', ['kitchen']],
    ['sealpost subscribe --topic l', ['lonely']],
    ['sealpost subscribe --format ', ['text', 'json', 'raw']],
    [
      'sealpost topics list --',
      ['--ids', '--server', '--project', '--credentials', '--ca', '--json', '--help'],
    ],
    ['sealpost topics create --key ', []],
    ['sealpost completion z', ['zsh']],
  ])('bash offers after "%s" what may follow', async (line, expected) => {
    expect(await offered(line)).toEqual(expected);
  });

  test.skipIf(!has('zsh'))('zsh offers what bash offers (needs zsh)', async () => {
    const { stdout: script } = await cli('completion zsh');
    // As bashcompinit calls it: with bash's variables, and arrays that begin at 0.
    const asked = 'COMP_WORDS=(sealpost topics d) COMP_CWORD=2; setopt ksh_arrays; _sealpost';
    const argv = ['-f', '-c', `${script}\n${asked}\nprint -l "\${COMPREPLY[@]}"`];
    const { stdout } = await promisify(execFile)('zsh', argv);
    expect(stdout).toContain('describe');
  });

  test.skipIf(!has('fish'))('fish understands its script (needs fish)', async () => {
    const { stdout: script } = await cli('completion fish');
    const argv = ['-c', `${script}\ncomplete -C 'sealpost topics d'`];
    const { stdout } = await promisify(execFile)('fish', argv);
    expect(stdout).toContain('describe');
  });

  test('of an unknown shell is refused', async () => {
    const stderr = 'sealpost completion: SHELL must be one of bash, zsh, fish, not "csh".\n';
    expect(await cli('completion csh')).toEqual({ code: 2, stdout: '', stderr });
  });
});

describe('help', () => {
  test('of a command shows its options and examples', async () => {
    const { code, stdout } = await cli('help topics create');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: sealpost topics create TOPIC \[OPTIONS\]\n/);
    expect(stdout).toContain('--retention TIME');
    expect(stdout).toContain('  sealpost topics create logs\n');
    expect((await cli('topics create --help')).stdout).toBe(stdout);
  });

  test('of a group lists its commands', async () => {
    const { stdout } = await cli('help keys');
    expect(stdout).toContain('  versions enable ');
  });

  test.each(['serve', 'compact', 'restore', 'demo', 'version'])(
    'of %s is printed too',
    async (name) => {
      const { code, stdout } = await cli(`help ${name}`);
      expect([code, stdout.split(' ').slice(0, 3).join(' ').trim()]).toEqual([
        0,
        `Usage: sealpost ${name}`,
      ]);
    },
  );
});

test('what the diagnosis answers is what docs/cli.md lists', async () => {
  await cli('subscriptions create pushed --topic orders --push-endpoint http://127.0.0.1:9/never');
  const at = async (name: string): Promise<object> => {
    const reply = await fetch(`${live.url}/sealpost/v1/projects/shop/${name}:diagnose`);
    expect(reply.status).toBe(200);
    return (await reply.json()) as object;
  };
  const answers = [await at('topics/orders'), await at('subscriptions/pushed')];
  const fields = new Set(answers.flatMap((answer) => Object.keys(answer)));
  const page = readFileSync(join(root, 'docs', 'cli.md'), 'utf8');
  const table = page.slice(page.indexOf('| field | of |'), page.indexOf('## Completion'));
  const documented = [...table.matchAll(/^\| (`.*?) \| /gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  );
  expect([...fields].toSorted()).toEqual(documented.toSorted());
  const missing = await fetch(`${live.url}/sealpost/v1/projects/shop/topics/none:diagnose`);
  expect(missing.status).toBe(404);
});
