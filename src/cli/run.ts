import { existsSync } from 'node:fs';
import {
  ConfigError,
  optionLines,
  parseConfig,
  parseDataDir,
  processEnvironment,
  type ServerConfig,
} from '../config/index.ts';
import type { OfflineAccounts } from './accounts/offline-account.ts';
import type { OfflineBackups } from './backup/offline-backup.ts';
import { nearestName } from '../rpc/index.ts';
import type { OfflineRoot } from './root/offline-root.ts';
import { serve, type RunningServer } from './serve.ts';

/** What the commands do that only the composition root can: it alone may build a server. */
export interface Entrances {
  start(config: ServerConfig): Promise<RunningServer>;
  /** Rewrites a stopped server's files without free pages; returns bytes on disk. */
  compact(options: {
    readonly dataDir: string;
  }): Promise<{ readonly before: number; readonly after: number }>;
  /** The root key of a stopped server. */
  readonly root: OfflineRoot;
  /** Backups of a stopped server, and new directories made of backups. */
  readonly backups: OfflineBackups;
  /** Service accounts of a stopped server. */
  readonly accounts: OfflineAccounts;
  readonly version: string;
}

interface Command {
  readonly name: string;
  /** Kept short: the help shows it on one line, and the tree of a client command says more. */
  readonly summary: string;
  /** Resolves to its exit code; nothing is 0. */
  run(argv: readonly string[], entrances: Entrances): Promise<number | void>;
}

const print = (line: string): void => console.log(line);

/** A command of the tree: nothing of it is loaded before it is used. */
function client(name: string, summary: string): Command {
  return {
    name,
    summary,
    run: async (argv, entrances) => {
      const { runClient } = await import('./client-command.ts');
      return runClient([name, ...argv], entrances.version);
    },
  };
}

const asksForHelp = (argv: readonly string[]): boolean => argv[0] === '--help' || argv[0] === '-h';

/** Every command, in the order of the help. docs and README name them; a test compares. */
export const commands: readonly Command[] = [
  {
    name: 'serve',
    summary: 'Run the server until SIGINT or SIGTERM.',
    run: async (argv, entrances) => {
      if (asksForHelp(argv)) return print(serveHelp());
      const config = parseConfig(argv, processEnvironment());
      await serve(() => entrances.start(config), process, print);
    },
  },
  client('topics', 'Create, show, change and delete topics.'),
  client('subscriptions', 'Create, show, change and delete subscriptions.'),
  client('snapshots', 'Create, show, change and delete snapshots of subscriptions.'),
  client('schemas', 'Create, revise, show, try and delete schemas of messages.'),
  client('keys', 'Create keys, say who may use them, switch them off and on.'),
  {
    name: 'accounts',
    summary: 'Create service accounts, give them keys, switch them off and on.',
    run: async (argv, entrances) => {
      const { createOffline, isOffline } = await import('./accounts/offline-account.ts');
      if (isOffline(argv)) return createOffline(argv, entrances.accounts, print);
      const { runClient } = await import('./client-command.ts');
      return runClient(['accounts', ...argv], entrances.version);
    },
  },
  client('api-keys', 'Create, list and delete API keys of service accounts.'),
  client('publish', 'Publish a message, or every line of standard input.'),
  client('pull', 'Take the messages that wait now, and show them.'),
  client('subscribe', 'Print messages as they arrive.'),
  client('replay', 'Deliver messages again, or copy them to another topic.'),
  client('doctor', 'Say in plain words why a topic or subscription stands still.'),
  client('top', 'Live view of topics, rates, backlogs, ages and keys.'),
  client('verify', 'Authenticate every stored byte, and report.'),
  client('audit', 'Show who used which key and changed what.'),
  client('apply', 'Bring a server to what a YAML file says.'),
  client('export-config', 'Print what a project has as a file for apply.'),
  client('run', 'Deploy images under keys of their own, and look after them.'),
  client('vault', 'Show, check and look after the sealed images.'),
  {
    name: 'root',
    summary: 'Show what seals the root key, change it, or replace the key.',
    run: async (argv, entrances) => {
      const { isOffline, runOffline } = await import('./root/offline-root.ts');
      if (isOffline(argv)) return runOffline(argv, entrances.root, print);
      const { runClient } = await import('./client-command.ts');
      return runClient(['root', ...argv], entrances.version);
    },
  },
  {
    name: 'backup',
    summary: 'Copy everything that is stored, still sealed, while the server runs.',
    run: async (argv, entrances) => {
      const { isOfflineBackup, runOfflineBackup } = await import('./backup/offline-backup.ts');
      if (isOfflineBackup(argv)) {
        return runOfflineBackup(argv, entrances.backups, process.stderr, print);
      }
      const { runClient } = await import('./client-command.ts');
      return runClient(['backup', ...argv], entrances.version);
    },
  },
  {
    name: 'restore',
    summary: 'Write a backup to a new data directory, or check it.',
    run: async (argv, entrances) => {
      const { restoreHelp, runRestore } = await import('./backup/offline-backup.ts');
      if (asksForHelp(argv.slice(-1))) return print(restoreHelp);
      return runRestore(argv, entrances.backups, process.stderr, print);
    },
  },
  client('completion', 'Print the completion script of a shell.'),
  {
    name: 'demo',
    summary: 'Show a running server at work on a real data set.',
    run: async (argv) => {
      const { runDemo } = await import('./demo/index.ts');
      return runDemo(argv, process);
    },
  },
  {
    name: 'compact',
    summary: "Give the free pages of a stopped server's files back (--data-dir).",
    run: async (argv, entrances) => {
      if (asksForHelp(argv)) return print(compactHelp);
      const dataDir = parseDataDir(argv, processEnvironment());
      if (!existsSync(dataDir)) throw new ConfigError(`There is no data directory ${dataDir}.`);
      const { before, after } = await entrances.compact({ dataDir });
      print(`Compacted: ${before} bytes on disk before, ${after} after.`);
    },
  },
  {
    name: 'help',
    summary: 'Print this text, or explain a command: help topics create.',
    run: async (argv, entrances) => {
      if (argv.length === 0) return print(helpText());
      return run([...argv, '--help'], entrances);
    },
  },
  {
    name: 'version',
    summary: 'Print the version.',
    run: async (argv, entrances) =>
      print(asksForHelp(argv) ? 'Usage: sealpost version' : entrances.version),
  },
];

const aliases: Readonly<Record<string, string>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-v': 'version',
};

/** Runs one command line. Resolves to the exit code: 0 done, 1 failed, 2 not understood. */
export async function run(argv: readonly string[], entrances: Entrances): Promise<number> {
  const given = argv[0] ?? 'help';
  const command = commands.find(({ name }) => name === (aliases[given] ?? given));
  if (command === undefined) {
    const meant = nearestName(
      given,
      commands.map(({ name }) => name),
    );
    const guess = meant === undefined ? '' : ` Did you mean ${meant}?`;
    console.error(`Unknown command ${given}.${guess} See sealpost help.`);
    return 2;
  }
  try {
    return (await command.run(argv.slice(1), entrances)) ?? 0;
  } catch (error) {
    console.error(describe(command.name, error));
    return error instanceof ConfigError ? 2 : 1;
  }
}

const bugNames = /^((Type|Range|Reference|Syntax|Invariant)?Error)$/;

/** One sentence for what the user can mend; the stack of anything else, which is a bug. */
function describe(command: string, error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (!(error instanceof Error)) return `sealpost ${command} failed: ${String(error)}`;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return `sealpost ${command} failed: ${error.message}. Choose another port with --port.`;
  }
  const isExpected = typeof code === 'string' && !code.startsWith('ERR_');
  const isBug = !isExpected && bugNames.test(error.name);
  return `sealpost ${command} failed: ${isBug ? (error.stack ?? error.message) : error.message}`;
}

function helpText(): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(15)}${summary}`);
  return [
    'Sealpost: a Pub/Sub broker in which every message is sealed under a key its owner controls.',
    '',
    'Usage: sealpost COMMAND [OPTIONS]',
    '',
    ...lines,
    '',
    'sealpost help COMMAND explains a command, with examples. docs/cli.md lists them all.',
    '',
    ...serveOptions(),
  ].join('\n');
}

const serveOptions = (): string[] => [
  'Options of serve, each also a variable (--data-dir is SEALPOST_DATA_DIR):',
  '',
  optionLines(),
];

const serveHelp = (): string =>
  [
    'Usage: sealpost serve [OPTIONS]',
    '',
    'Run the server until SIGINT or SIGTERM.',
    '',
    ...serveOptions(),
  ].join('\n');

const compactHelp = `Usage: sealpost compact [--data-dir DIR]

Give the free pages of a stopped server's files back.`;
