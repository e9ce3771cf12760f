import {
  ConfigError,
  parseConfig,
  processEnvironment,
  type ServerConfig,
} from '../../config/index.ts';
import { ResourceNames } from '../connection/resource-names.ts';
import { chooseProject, chooseServer } from '../connection/server-choice.ts';
import { accountNamed } from './account-names.ts';
import { PrivateFile } from './private-file.ts';

/** What an account on a stopped server's files is made of. */
export interface OfflineAccountRequest {
  readonly project: string;
  readonly id: string;
  readonly displayName: string;
  /** Where the server will be called. */
  readonly serverUrl: string;
}

/** Accounts of a stopped server, by its files. Only the composition root can open them. */
export interface OfflineAccounts {
  /** Resolves to the account's credentials file. */
  create(config: ServerConfig, request: OfflineAccountRequest): Promise<Uint8Array>;
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
  const serverUrl = chooseServer(own.get('server'), env);
  const file = new PrivateFile(own.get('out') ?? `${account.id}.json`);
  const displayName = own.get('display-name') ?? '';
  await file.fill(() => accounts.create(config, { ...account, displayName, serverUrl }));
  print(`Created ${account.email}.`);
  print(`Its key is in ${file.path}, and nowhere else: keep the file secret.`);
  print(`Next: sealpost serve --authentication required --admin serviceAccount:${account.email}`);
}

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
