import {
  leaves,
  remoteOptions,
  type CommandSpec,
  type OptionSpec,
} from './command/command-spec.ts';
import { exitMeanings } from './command/exit-codes.ts';
import { optionHead, usageOf } from './command/help-text.ts';
import { tree } from './tree.ts';

/** The part of docs/cli.md that the commands themselves say; a test compares the two. */
export function referencePage(): string {
  return [
    '## Options of every command',
    '',
    ...optionRows(remoteOptions),
    '',
    '## Exit codes',
    '',
    '| code | meaning |',
    '|---|---|',
    ...exitMeanings.map(([code, meaning]) => `| ${code} | ${meaning} |`),
    '',
    '## Commands',
    ...leaves(tree).flatMap(({ path, spec }) => ['', ...commandLines(path, spec)]),
  ].join('\n');
}

function commandLines(path: readonly string[], spec: CommandSpec): string[] {
  const options = spec.options ?? [];
  return [
    `### ${usageOf(path, spec)}`,
    '',
    spec.summary,
    ...(spec.details === undefined ? [] : spec.details.split('\n')),
    ...(options.length === 0 ? [] : ['', ...optionRows(options)]),
    '',
    '```bash',
    ...(spec.examples ?? []).flatMap(({ line, does }) => [`# ${does}`, line]),
    '```',
  ];
}

function optionRows(options: readonly OptionSpec[]): string[] {
  const rows = options.map((option) => {
    const cells = [`\`${optionHead(option)}\``, option.doc];
    return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  });
  return ['| option | what it does |', '|---|---|', ...rows];
}
