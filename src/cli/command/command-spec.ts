import type { Flags } from './flags.ts';
import type { Tools } from './tools.ts';

/** What shells can complete in a place; `files` are left to the shell. */
export type Completion =
  | 'topics'
  | 'subscriptions'
  | 'snapshots'
  | 'schemas'
  | 'files'
  | readonly string[];

export interface ArgumentSpec {
  /** `TOPIC`, as the usage line shows it. */
  readonly name: string;
  readonly isOptional?: boolean;
  readonly completes?: Completion;
}

export interface OptionSpec {
  /** Without dashes: `ack-deadline`. One that begins with `no-` turns something off. */
  readonly name: string;
  /** `SECONDS`; a switch has none. */
  readonly placeholder?: string;
  /** How its text is read; `text` unless said. Lists may be given several times. */
  readonly kind?: 'text' | 'texts' | 'number' | 'duration' | 'pairs';
  /** Least and most of a number, or of a duration in milliseconds. */
  readonly range?: readonly [min: number, max: number];
  readonly choices?: readonly string[];
  readonly completes?: Completion;
  /** One sentence. */
  readonly doc: string;
}

export interface Example {
  readonly line: string;
  readonly does: string;
}

/** What a command does; resolves to its exit code, nothing is 0. */
export type Action = (call: Call, tools: Tools) => Promise<number | void>;

/** One command line, read. */
export interface Call {
  /** In the order of the specification; an optional one that was left out is undefined. */
  readonly arguments: readonly (string | undefined)[];
  readonly flags: Flags;
}

/** A command, or a group of commands: the one source of parsing, help, completion and docs. */
export interface CommandSpec {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** More for the help, already wrapped. */
  readonly details?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  readonly examples?: readonly Example[];
  /** A group has commands and no action. */
  readonly commands?: readonly CommandSpec[];
  /** Loads the code when the command is used, so that no other start waits for it. */
  readonly load?: () => Promise<Action>;
  /** False: it needs no server, and has none of the options that choose one. */
  readonly isRemote?: boolean;
}

/** Options of every command that talks to a server. */
export const remoteOptions: readonly OptionSpec[] = [
  {
    name: 'server',
    placeholder: 'URL',
    doc: 'Server to use [SEALPOST_SERVER, PUBSUB_EMULATOR_HOST, http://127.0.0.1:8085].',
  },
  {
    name: 'project',
    placeholder: 'ID',
    doc: 'Project of short names [SEALPOST_PROJECT, GOOGLE_CLOUD_PROJECT].',
  },
  {
    name: 'credentials',
    placeholder: 'FILE',
    completes: 'files',
    doc: "Service account's key [SEALPOST_CREDENTIALS, GOOGLE_APPLICATION_CREDENTIALS].",
  },
  {
    name: 'ca',
    placeholder: 'FILE',
    completes: 'files',
    doc: 'Certificate authorities of the server, in PEM [SEALPOST_CA].',
  },
  { name: 'json', doc: 'Print JSON for programs.' },
];

/** A command's own options, and those that all commands of its kind have. */
export function optionsOf(spec: CommandSpec): readonly OptionSpec[] {
  return [...(spec.options ?? []), ...(spec.isRemote === false ? [] : remoteOptions)];
}

/** Every command that does something, with the words that name it, in the order of the help. */
export function leaves(
  specs: readonly CommandSpec[],
  above: readonly string[] = [],
): { readonly path: readonly string[]; readonly spec: CommandSpec }[] {
  return specs.flatMap((spec) => {
    const path = [...above, spec.name];
    return spec.commands === undefined ? [{ path, spec }] : leaves(spec.commands, path);
  });
}
