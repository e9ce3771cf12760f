import { ConfigError } from './config-error.ts';
import { options, variableOf } from './options/options.ts';
import type { ServerConfig } from './server-config.ts';

/** The environment's variables, as the process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An option's text and where it was found, for the error message. */
export interface Given {
  readonly text: string;
  readonly source: string;
}

type KnownOption = (typeof options)[number];
type Givens = Map<keyof ServerConfig, Given>;

/**
 * What the command line and the environment say, option by option, not yet parsed. The command
 * line wins. Only the options of `fields` are known; an unset or empty variable says nothing.
 */
export function gather(
  argv: readonly string[],
  env: Environment,
  fields: readonly (keyof ServerConfig)[],
): Givens {
  const known = options.filter((option) => fields.includes(option.field));
  const givens: Givens = new Map();
  for (const option of known) {
    const text = env[variableOf(option)];
    if (text !== undefined && text !== '') {
      givens.set(option.field, { text, source: variableOf(option) });
    }
  }
  const flags = new Map<keyof ServerConfig, string[]>();
  for (let index = 0; index < argv.length; index++) {
    index += readFlag(argv, index, known, flags);
  }
  for (const option of known) {
    const texts = flags.get(option.field);
    if (texts !== undefined) {
      givens.set(option.field, { text: texts.join(','), source: `--${option.name}` });
    }
  }
  return givens;
}

/** Reads the flag at `index` into `flags`; returns how many further arguments it took. */
function readFlag(
  argv: readonly string[],
  index: number,
  known: readonly KnownOption[],
  flags: Map<keyof ServerConfig, string[]>,
): 0 | 1 {
  const argument = argv[index] ?? '';
  const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
  if (name === undefined) {
    throw new ConfigError(`Unexpected argument "${argument}". Options begin with --.`);
  }
  const option = optionNamed(name, known);
  const isSwitch = option.placeholder === undefined;
  const text = inline ?? (isSwitch ? 'true' : valueAfter(option, argv[index + 1]));
  const before = flags.get(option.field) ?? [];
  if (before.length > 0 && option.isRepeatable !== true) {
    throw new ConfigError(`--${name} may be given only once.`);
  }
  flags.set(option.field, [...before, text]);
  return inline === undefined && !isSwitch ? 1 : 0;
}

function optionNamed(name: string, known: readonly KnownOption[]): KnownOption {
  const option = known.find((candidate) => candidate.name === name);
  if (option !== undefined) return option;
  throw new ConfigError(`Unknown option --${name}.${suggestion(name, known)}`);
}

function valueAfter(option: KnownOption, next: string | undefined): string {
  if (next !== undefined && !next.startsWith('--')) return next;
  throw new ConfigError(`--${option.name} needs a value: --${option.name} ${option.placeholder}.`);
}

/** Names the option that was probably meant. */
function suggestion(name: string, known: readonly KnownOption[]): string {
  const plain = name.toLowerCase().replaceAll(/[^a-z]/g, '');
  const near = known.find((option) => {
    const candidate = option.name.replaceAll('-', '');
    return candidate.startsWith(plain) || plain.startsWith(candidate);
  });
  return near === undefined ? ' See sealpost help.' : ` Did you mean --${near.name}?`;
}
