import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { CliProcess } from '../support/cli-process.ts';
import { useGuardedServer } from '../support/guarded-server.ts';
import {
  folderOf,
  isInstalled,
  outputOf,
  prepared,
  type Program,
  type Readiness,
} from './client-program.ts';

const server = useGuardedServer();

async function goProgram(): Promise<Readiness> {
  if (!isInstalled('go', 'version')) return { missing: 'Go is not installed' };
  return await prepared('Go', async (folder) => {
    const command = join(folder, 'credentials');
    const sources = folderOf('go-credentials');
    await outputOf({ command: 'go', argv: ['build', '-C', sources, '-o', command, '.'] });
    return { command, argv: [] };
  });
}

async function pythonProgram(): Promise<Readiness> {
  if (!isInstalled('python3', '-m', 'venv', '--help'))
    return { missing: 'Python is not installed' };
  return await prepared('Python', async (folder) => {
    await outputOf({ command: 'python3', argv: ['-m', 'venv', folder] });
    const command = join(folder, 'bin', 'python');
    const sources = folderOf('python');
    const requirements = join(sources, 'requirements.txt');
    await outputOf({ command, argv: ['-m', 'pip', 'install', '--quiet', '-r', requirements] });
    return { command, argv: [join(sources, 'credentials.py')] };
  });
}

/** The command line, as the administrator. */
async function sealpost(line: string): Promise<void> {
  const cli = new CliProcess(line.split(' '), {
    SEALPOST_SERVER: server().url,
    SEALPOST_PROJECT: server().project,
    SEALPOST_CA: server().authority.caFile,
    SEALPOST_CREDENTIALS: server().adminFile,
  });
  const { code, stderr } = await cli.ended;
  if (code !== 0) throw new Error(`sealpost ${line}: ${stderr}`);
}

beforeAll(async () => {
  await sealpost('topics create orders');
  await sealpost('subscriptions create orders-sub --topic orders');
  const roles = '--role roles/pubsub.publisher --role roles/pubsub.subscriber';
  await sealpost(`accounts create official ${roles} --out ${server().at('official.json')}`);
  await sealpost(`accounts create stranger --out ${server().at('stranger.json')}`);
});

/** What every program of Google Cloud is given, in each language's own words. */
const environment = (file: string): NodeJS.ProcessEnv => ({
  ENDPOINT: `localhost:${server().port}`,
  GOOGLE_CLOUD_PROJECT: server().project,
  GOOGLE_APPLICATION_CREDENTIALS: server().at(file),
  GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: server().authority.caFile,
  SSL_CERT_FILE: server().authority.caFile,
  REQUESTS_CA_BUNDLE: server().authority.caFile,
});

describe.each([
  ['Go', await goProgram()],
  ['Python', await pythonProgram()],
] as const)(
  'the official client of %s over TLS, with a credentials file',
  (language, readiness) => {
    const missing = 'missing' in readiness ? readiness.missing : null;
    const excuse = missing === null ? '' : ` (skipped: ${missing})`;
    const program = (): Program => (readiness as { readonly program: Program }).program;
    afterAll(() => ('remove' in readiness ? readiness.remove() : undefined));

    test.skipIf(missing !== null)(`publishes and receives${excuse}`, async () => {
      const said = await outputOf(program(), environment('official.json'));
      expect(said.trim()).toBe(`from ${language}`);
    });

    test.skipIf(missing !== null)(`is refused without a role${excuse}`, async () => {
      expect((await outputOf(program(), environment('stranger.json'))).trim()).toBe('refused 7');
    });
  },
);
