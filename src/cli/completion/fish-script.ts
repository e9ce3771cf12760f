import type { Completion } from '../command/command-spec.ts';
import type { WordRule } from './word-rules.ts';

/** A line for each command and option; a condition says after which words it is offered. */
export function fishScript(rules: readonly WordRule[]): string {
  return [
    '# fish completion of sealpost.',
    'function __sealpost_after',
    '  set -l words (commandline -opc)',
    "  set -l given (string match -v -- '-*' $words[2..])",
    '  test "$given" = "$argv"; or string match -q -- "$argv *" "$given"',
    'end',
    'function __sealpost_at',
    "  set -l given (string match -v -- '-*' (commandline -opc)[2..])",
    '  test "$given" = "$argv"',
    'end',
    'complete -c sealpost -f',
    ...rules.flatMap(linesOf),
  ].join('\n');
}

function linesOf({ path, commands, options, arguments: [first] }: WordRule): string[] {
  const condition = (name: string): string =>
    `complete -c sealpost -n ${quoted(`${name} ${path}`.trim())}`;
  return [
    ...commands.map(
      ({ name, summary }) => `${condition('__sealpost_at')} -a ${name} -d ${quoted(summary)}`,
    ),
    ...(first === undefined ? [] : [`${condition('__sealpost_at')}${offer(first)}`]),
    ...options.map(({ name, doc, takesValue, completes }) => {
      const values = takesValue ? ` -x${completes === undefined ? '' : offer(completes)}` : '';
      return `${condition('__sealpost_after')} -l ${name.slice(2)}${values} -d ${quoted(doc)}`;
    }),
  ];
}

function offer(completes: Completion): string {
  if (completes === 'files') return ' -F';
  if (typeof completes === 'string') return ` -a '(sealpost ${completes} list --ids 2>/dev/null)'`;
  return ` -a '${completes.join(' ')}'`;
}

const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
