import { leaves, optionsOf, type CommandSpec, type OptionSpec } from './command-spec.ts';

/** `sealpost topics create TOPIC [OPTIONS]`. */
export function usageOf(path: readonly string[], spec: CommandSpec): string {
  const words = (spec.arguments ?? []).map(({ name, isOptional }) =>
    isOptional === true ? `[${name}]` : name,
  );
  if (spec.commands !== undefined) words.push('COMMAND');
  return ['sealpost', ...path, ...words, '[OPTIONS]'].join(' ');
}

/** `--max N`, with its choices instead of a placeholder where there are some. */
export function optionHead({ name, placeholder, choices }: OptionSpec): string {
  const value = choices?.join('|') ?? placeholder;
  return `--${name}${value === undefined ? '' : ` ${value}`}`;
}

/** The help of a command or of a group, 100 columns at most. */
export function helpText(path: readonly string[], spec: CommandSpec): string {
  const lines = [`Usage: ${usageOf(path, spec)}`, '', spec.summary];
  if (spec.details !== undefined) lines.push('', spec.details);
  if (spec.commands !== undefined) {
    lines.push('', 'Commands:', '', ...commandLines(spec.commands));
    lines.push('', `sealpost help ${path.join(' ')} COMMAND says more of each.`);
    return lines.join('\n');
  }
  const options = optionsOf(spec);
  if (options.length > 0) lines.push('', 'Options:', '', ...options.flatMap(optionLines));
  lines.push('', 'Examples:', '');
  for (const { line, does } of spec.examples ?? []) lines.push(`  # ${does}`, `  ${line}`);
  return lines.join('\n');
}

function commandLines(commands: readonly CommandSpec[]): string[] {
  const rows = leaves(commands).map(({ path, spec }) => [path.join(' '), spec.summary] as const);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`);
}

const headWidth = 26;

function optionLines(option: OptionSpec): string[] {
  const head = `  ${optionHead(option)}`;
  if (head.length < headWidth + 2) return wrapped(head.padEnd(headWidth + 2) + option.doc);
  return [head, ...wrapped(' '.repeat(headWidth + 2) + option.doc)];
}

/** Broken at 100 columns, what follows below the first word of the doc. */
function wrapped(line: string): string[] {
  if (line.length <= 100) return [line];
  const at = line.lastIndexOf(' ', 100);
  return [line.slice(0, at), ...wrapped(' '.repeat(headWidth + 2) + line.slice(at + 1))];
}
