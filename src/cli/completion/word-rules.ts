import { leaves, optionsOf, type CommandSpec, type Completion } from '../command/command-spec.ts';

/** What may follow the words of a command. */
export interface WordRule {
  /** `topics create`; empty at the beginning. */
  readonly path: string;
  /** Next commands; empty if the path is a whole command. */
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly OptionRule[];
  /** Of each argument, in order; undefined where nothing can be completed. */
  readonly arguments: readonly (Completion | undefined)[];
}

export interface OptionRule {
  readonly name: string;
  readonly doc: string;
  readonly takesValue: boolean;
  readonly completes: Completion | undefined;
}

/** Commands that the tree does not hold, as they need no server or are one. */
const others: readonly { readonly name: string; readonly summary: string }[] = [
  { name: 'serve', summary: 'Run the server.' },
  { name: 'demo', summary: 'Show a server at work.' },
  { name: 'compact', summary: 'Compact the files of a stopped server.' },
  { name: 'restore', summary: 'Write a backup to a new data directory.' },
  { name: 'help', summary: 'Explain a command.' },
  { name: 'version', summary: 'Print the version.' },
];

/** One rule for each group and each command; the only thing that the scripts are made of. */
export function wordRules(specs: readonly CommandSpec[]): WordRule[] {
  const first = { path: '', commands: [...specs, ...others], options: [], arguments: [] };
  return [first, ...groups(specs, ''), ...leaves(specs).map(leafRule)];
}

function groups(specs: readonly CommandSpec[], above: string): WordRule[] {
  return specs.flatMap(({ name, commands }) => {
    if (commands === undefined) return [];
    const path = `${above} ${name}`.trim();
    return [{ path, commands, options: [], arguments: [] }, ...groups(commands, path)];
  });
}

function leafRule({ path, spec }: { path: readonly string[]; spec: CommandSpec }): WordRule {
  return {
    path: path.join(' '),
    commands: [],
    options: optionsOf(spec).map(({ name, doc, placeholder, choices, completes }) => ({
      name: `--${name}`,
      doc,
      takesValue: placeholder !== undefined,
      completes: choices ?? completes,
    })),
    arguments: (spec.arguments ?? []).map(({ completes }) => completes),
  };
}
