import {
  ConfigError,
  parseConfig,
  processEnvironment,
  type ServerConfig,
} from '../../config/index.ts';
import { ResourceNames } from '../connection/resource-names.ts';
import { chooseProject, namedServer } from '../connection/server-choice.ts';
import { accountNamed } from './account-names.ts';
import { PrivateFile } from './private-file.ts';

/** What an account on a stopped server's files is made of. */
export interface OfflineAccountRequest {
  readonly project: string;
  readonly id: string;
  readonly displayName: string;
  /** Where the server will be called; absent: as its options say. */
  readonly serverUrl?: string;
}

/** What was made of it. */
export interface OfflineAccountMade {
  /** The account's credentials file. */
  readonly credentials: Uint8Array;
  /** False: it was there already, and has one key more. */
  readonly isNew: boolean;
  /** The root key file of a data directory that was made, too. */
  readonly newRootKey?: string;
}

/** Accounts of a stopped server, by its files. Only the composition root can open them. */
export interface OfflineAccounts {
  create(config: ServerConfig, request: OfflineAccountRequest): Promise<OfflineAccountMade>;
}

const ownOptions: readonly string[] = ['out', 'project', 'display-name', 'server'];

/** Whether a command line of `accounts` is for the files of a stopped server. */
export const isOffline = (argv: readonly string[]): boolean =>
  argv.some((word) => word === '--data-dir' || word.startsWith('--data-dir='));

/**
 * `accounts create NAME --data-dir DIR`: its own flags, and those of serve, which say where the files
 * are and how the root key is opened. Throws ConfigError for what it cannot read.
 */
export async function createOffline(
  argv: readonly string[],
  accounts: OfflineAccounts,
  print: (line: string) => void,
): Promise<void> {
  const [command, ...rest] = argv;
  if (command !== 'create') {
    throw new ConfigError(
      'Only accounts create works on a directory: say sealpost accounts create.',
    );
  }
  const { own, words, flags } = divided(rest);
  const [text] = words;
  if (text === undefined || words.length > 1) {
    throw new ConfigError('Name one account: sealpost accounts create ACCOUNT --data-dir DIR.');
  }
  const env = processEnvironment();
  const config = parseConfig(flags, env);
  const account = accountNamed(text, new ResourceNames(chooseProject(own.get('project'), env)));
  const serverUrl = namedServer(own.get('server'), env);
  const file = new PrivateFile(own.get('out') ?? `${account.id}.json`);
  const displayName = own.get('display-name') ?? '';
  const request = { ...account, displayName, ...(serverUrl !== undefined && { serverUrl }) };
  const making = (): Promise<OfflineAccountMade> => accounts.create(config, request);
  const made = await writtenTo(file, making);
  if (made.newRootKey !== undefined) {
    print(`Made the data directory ${config.dataDir}, which was not there.`);
    print(`Its root key is ${made.newRootKey}: keep a copy apart from the data.`);
  }
  const { email } = account;
  print(made.isNew ? `Created ${email}.` : `${email} exists: a further key of it was made.`);
  print(`Its key is in ${file.path}, and nowhere else: keep the file secret.`);
  print(`Next: ${startLine(email, flags, config)}`);
}

async function writtenTo(
  file: PrivateFile,
  make: () => Promise<OfflineAccountMade>,
): Promise<OfflineAccountMade> {
  const made = make();
  await file.fill(async () => (await made).credentials);
  return made;
}

/** How to start the server of which the account is an administrator. */
function startLine(email: string, flags: readonly string[], config: ServerConfig): string {
  const isAsked = config.authentication === 'required';
  const more = isAsked ? [] : ['--authentication', 'required'];
  const words = ['sealpost', 'serve', ...flags, ...more, '--admin', `serviceAccount:${email}`];
  return words.map(shellWord).join(' ');
}

const shellWord = (word: string): string =>
  /^[\w./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

interface Divided {
  readonly own: ReadonlyMap<string, string>;
  readonly words: readonly string[];
  readonly flags: readonly string[];
}

/** The command's own flags, its words, and the flags of serve. */
function divided(argv: readonly string[]): Divided {
  const own = new Map<string, string>();
  const words: string[] = [];
  const flags: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) words.push(word);
    else if (name === 'admin' || name === 'role') throw needsServer(name);
    else if (ownOptions.includes(name)) own.set(name, inline ?? argv[++at] ?? '');
    else {
      flags.push(word);
      const next = argv[at + 1];
      if (inline === undefined && next !== undefined && !next.startsWith('--')) {
        flags.push(next);
        at++;
      }
    }
  }
  return { own, words, flags };
}

function needsServer(name: string): ConfigError {
  const text =
    name === 'admin'
      ? 'start the server with --admin serviceAccount:EMAIL instead'
      : 'bind it once the server runs';
  return new ConfigError(`--${name} needs a running server: ${text}.`);
}
