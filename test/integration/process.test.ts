import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SealpostProcess, temporaryFolder } from '../support/server-process.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

function serve(...argv: string[]): SealpostProcess {
  return new SealpostProcess(['serve', '--data-dir', join(folder.path, 'data'), ...argv]);
}

async function createTopic(url: string, name: string): Promise<number> {
  const reply = await fetch(`${url}/v1/${name}`, { method: 'PUT', body: '{}' });
  return reply.status;
}

describe('serve', () => {
  test('says where it is ready in one line, answers there, and ends with 0 on SIGTERM', async () => {
    const server = serve('--port', '0');
    const url = await server.url();
    const reply = await fetch(`${url}/v1/projects/p/topics`);
    expect(reply.status).toBe(200);
    const ended = await server.stop();
    expect(ended.code).toBe(0);
    expect(ended.stdout).toBe(`Sealpost is ready at ${url}\n`);
  });

  test('logs JSON lines to standard error, and warns that it made a root key', async () => {
    const server = serve('--port', '0');
    await server.url();
    const { stderr } = await server.stop();
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: unknown });
    expect(lines.length).toBeGreaterThan(0);
    expect(stderr).toMatch(/root key/i);
  });

  test('stores the root key beside the data, and nothing else outside of it', async () => {
    const server = serve('--port', '0');
    await server.url();
    await server.stop();
    expect(readdirSync(folder.path).toSorted()).toEqual(['data', 'data-keys']);
  });

  test('lets nobody else into what it makes, even in a directory that all may read', async () => {
    const data = join(folder.path, 'data');
    mkdirSync(data);
    chmodSync(data, 0o755);
    const server = serve('--port', '0');
    await server.url();
    const modes = readdirSync(data, { recursive: true, withFileTypes: true }).map((entry) => {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      return `${entry.isDirectory() ? 'folder' : 'file'} ${mode.toString(8)}`;
    });
    await server.stop();
    expect([...new Set(modes)].toSorted()).toEqual(['file 600', 'folder 700']);
  });

  test('starts again on what it left', async () => {
    const first = serve('--port', '0');
    expect(await createTopic(await first.url(), 'projects/p/topics/kept')).toBe(200);
    await first.stop();
    const second = serve('--port', '0');
    const reply = await fetch(`${await second.url()}/v1/projects/p/topics/kept`);
    expect(await reply.json()).toMatchObject({ name: 'projects/p/topics/kept' });
    await second.stop();
  });

  test('a second server on the same data is refused and told which is the first', async () => {
    const first = serve('--port', '0');
    await first.url();
    const second = await serve('--port', '0').ended;
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('is in use by');
    expect(second.stderr).toContain(String(first.child.pid));
    await first.stop();
  });

  test('a port that is taken is refused with a hint', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const ended = await serve('--port', String(port)).ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('Choose another port with --port.');
    other.close();
  });

  test.for(['store', 'keys'])('a damaged file of %s is refused in one sentence', async (part) => {
    const server = serve('--port', '0');
    await server.url();
    await server.stop();
    const file = join(folder.path, 'data', part, 'data.mdb');
    truncateSync(file, 12_288);
    const before = readFileSync(file);
    const ended = await serve('--port', '0').ended;
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    const told = ended.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    expect(told).toEqual([expect.stringContaining(`The file ${file} is damaged: it is cut off`)]);
    expect(told[0]).toContain('docs/runbook.md');
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('a file that an option names in vain is refused before anything is made', async () => {
    const absent = join(folder.path, 'absent.pem');
    const ended = await serve('--port', '0', '--outgoing-ca', absent).ended;
    expect([ended.code, ended.stdout]).toEqual([2, '']);
    expect(ended.stderr).toBe(`--outgoing-ca ${absent} cannot be read: there is no such file.\n`);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('what it does not understand is refused with exit code 2', async () => {
    const ended = await serve('--prot', '1').ended;
    expect([ended.code, ended.stdout]).toEqual([2, '']);
    expect(ended.stderr).toBe('Unknown option --prot. See sealpost help.\n');
  });
});

describe('the command', () => {
  test('help lists every command and option', async () => {
    const ended = await new SealpostProcess(['help']).ended;
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('sealpost COMMAND');
    expect(ended.stdout).toContain('--data-dir DIR');
  });

  test('version prints the version of the package', async () => {
    const ended = await new SealpostProcess(['--version']).ended;
    expect(ended.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('an unknown command is refused with exit code 2', async () => {
    const ended = await new SealpostProcess(['brew']).ended;
    expect([ended.code, ended.stderr]).toEqual([2, 'Unknown command brew. See sealpost help.\n']);
  });

  test('an old Node is told what to do instead', async () => {
    const older = 'Object.defineProperty(process,"versions",{value:{node:"20.1.0"}})';
    const nodeArguments = ['--import', `data:text/javascript,${older}`];
    const ended = await new SealpostProcess(['help'], { nodeArguments }).ended;
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toContain('needs Node 24 or newer; this is Node 20.1.0');
    expect(ended.stderr).toContain('npm start');
  });

  test('compact makes no data directory where there is none', async () => {
    const missing = join(folder.path, 'typo');
    const ended = await new SealpostProcess(['compact', '--data-dir', missing]).ended;
    expect([ended.code, ended.stderr]).toEqual([2, `There is no data directory ${missing}.\n`]);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('compact works on a stopped server and is refused on a running one', async () => {
    const server = serve('--port', '0');
    await server.url();
    const argv = ['compact', '--data-dir', join(folder.path, 'data')];
    const refused = await new SealpostProcess(argv).ended;
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('is in use by');
    await server.stop();
    const done = await new SealpostProcess(argv).ended;
    expect(done.stderr).toBe('');
    expect(done.stdout).toMatch(/^Compacted: \d+ bytes on disk before, \d+ after\.\n$/);
    const again = serve('--port', '0');
    await again.url();
    expect((await again.stop()).code).toBe(0);
  });
});

test("serving the client's modules adds no warning of Node to the log", async () => {
  const server = serve('--port', '0');
  const url = await server.url();
  expect((await fetch(`${url}/client/index.js`)).status).toBe(200);
  const { stderr } = await server.stop();
  expect(stderr).not.toContain('Warning');
});

test.skipIf(process.platform !== 'linux')(
  'a data directory on a file system that makes none is refused',
  async () => {
    const server = new SealpostProcess(['serve', '--port', '0', '--data-dir', '/proc/sealpost']);
    // What never ends would not hear SIGTERM either.
    const timer = AbortSignal.timeout(20_000);
    timer.addEventListener('abort', () => server.child.kill('SIGKILL'));
    const { code, stdout, stderr } = await server.ended;
    expect(code).toBe(1);
    expect(stdout + stderr).toContain('The data directory /proc/sealpost cannot be locked: ENOENT');
  },
);
