import { Command, CommanderError, Option } from 'commander';
import { SystemClock, SystemEntropy } from '../../runtime/index.ts';
import { chooseProject, chooseServer } from '../connection/server-choice.ts';
import { ResourceNames } from '../connection/resource-names.ts';
import { RestApi } from '../connection/rest-api.ts';
import { chooseCredentials } from '../login/credentials-file.ts';
import { Login } from '../login/login.ts';
import { trustCa } from '../login/trusted-ca.ts';
import { Output } from '../output/output.ts';
import { usageError } from './command-error.ts';
import { optionsOf, type CommandSpec, type OptionSpec } from './command-spec.ts';
import { exitCodes } from './exit-codes.ts';
import { Flags } from './flags.ts';
import { helpText } from './help-text.ts';
import type { Terminal } from './terminal.ts';
import type { Tools } from './tools.ts';

/** What a command line meets outside of itself. */
export interface Surroundings {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
}

/**
 * Runs one command of `specs`; `argv` begins with its name. Resolves to the exit code. Throws
 * CommandError for what the user can mend.
 */
export async function runCommand(
  specs: readonly CommandSpec[],
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  let outcome: number | void = exitCodes.done;
  const root = { name: 'sealpost', summary: '', commands: specs };
  const program = commandOf(root, [], surroundings.terminal, async (found) => {
    outcome = await perform(found, surroundings);
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.helpDisplayed') {
      return exitCodes.done;
    }
    throw error;
  }
  return outcome ?? exitCodes.done;
}

interface Found {
  readonly spec: CommandSpec;
  readonly words: readonly (string | undefined)[];
  readonly options: Readonly<Record<string, unknown>>;
}

function commandOf(
  spec: CommandSpec,
  path: readonly string[],
  { stdout }: Pick<Terminal, 'stdout'>,
  onFound: (found: Found) => Promise<void>,
): Command {
  const command = new Command(spec.name);
  command.configureOutput({
    writeOut: (text) => void stdout.write(text),
    writeErr: () => undefined,
  });
  command.exitOverride((error) => {
    throw error.code === 'commander.helpDisplayed' ? error : mistake(error, path);
  });
  command.helpCommand(false).helpOption('-h, --help');
  command.configureHelp({ formatHelp: () => `${helpText(path, spec)}\n` });
  for (const child of spec.commands ?? []) {
    command.addCommand(commandOf(child, [...path, child.name], { stdout }, onFound));
  }
  if (spec.commands !== undefined) return command;
  for (const { name, isOptional } of spec.arguments ?? []) {
    command.argument(isOptional === true ? `[${name}]` : `<${name}>`);
  }
  for (const option of optionsOf(spec)) command.addOption(commanderOption(option));
  return command.action((...given: unknown[]) => {
    const words = given.slice(0, spec.arguments?.length ?? 0) as (string | undefined)[];
    return onFound({ spec, words, options: command.opts() });
  });
}

const collect = (text: string, before: string[] | undefined): string[] => [...(before ?? []), text];

function commanderOption({ name, placeholder }: OptionSpec): Option {
  if (placeholder === undefined) return new Option(`--${name}`);
  return new Option(`--${name} <${placeholder}>`).argParser(collect);
}

/** The texts of the options that were given; commander keeps `--no-ack` as `ack: false`. */
function givenTexts(spec: CommandSpec, options: Found['options']): Map<string, readonly string[]> {
  const given = new Map<string, readonly string[]>();
  for (const { name, placeholder } of optionsOf(spec)) {
    const key = new Option(`--${name}`).attributeName();
    const value = options[key];
    const isOn = name.startsWith('no-') ? value === false : value === true;
    if (placeholder !== undefined && Array.isArray(value)) given.set(name, value as string[]);
    else if (placeholder === undefined && isOn) given.set(name, []);
  }
  return given;
}

async function perform(found: Found, surroundings: Surroundings): Promise<number | void> {
  const { spec, words, options } = found;
  const flags = new Flags(optionsOf(spec), givenTexts(spec, options));
  const action = await spec.load?.();
  return action?.({ arguments: words, flags }, toolsFor(spec, flags, surroundings));
}

function toolsFor(
  spec: CommandSpec,
  flags: Flags,
  { terminal, env, version }: Surroundings,
): Tools {
  const clock = new SystemClock();
  const of = (name: string): string | undefined =>
    spec.isRemote === false ? undefined : flags.text(name);
  const isJson = spec.isRemote !== false && flags.isSet('json');
  const server = chooseServer(of('server'), env);
  const login = loginFor(spec, server, of, { env, clock });
  return {
    api: new RestApi(server, clock, login),
    login,
    names: new ResourceNames(chooseProject(of('project'), env)),
    out: new Output(terminal.stdout, terminal.stderr, isJson),
    terminal,
    clock,
    entropy: new SystemEntropy(),
    version,
  };
}

/** What a command shows a server; one that talks to none shows nothing. */
function loginFor(
  { isRemote }: CommandSpec,
  server: string,
  of: (name: string) => string | undefined,
  { env, clock }: Pick<Surroundings, 'env'> & Pick<Tools, 'clock'>,
): Login {
  const ca = of('ca') ?? (env['SEALPOST_CA'] || undefined);
  if (isRemote !== false && ca !== undefined) trustCa(ca);
  const credentials = isRemote === false ? undefined : chooseCredentials(of('credentials'), env);
  return new Login({ server, credentials, apiKey: env['SEALPOST_API_KEY'], clock });
}

/** Commander's complaint as one sentence of ours, with the help to read. */
function mistake({ code, message }: CommanderError, path: readonly string[]): Error {
  const hint = `See sealpost help ${path.join(' ')}.`;
  if (code === 'commander.help') return usageError('A command is needed.', hint);
  const text = message.replace(/^error: /, '').replaceAll(/\s+/g, ' ');
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return usageError(/[.?)]$/.test(sentence) ? sentence : `${sentence}.`, hint);
}
