import { options, variableOf } from './options/options.ts';

type AnyOption = (typeof options)[number];

const headOf = ({ name, placeholder }: AnyOption): string =>
  placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`;

/** The options as help lines, their texts in one column. */
export function optionLines(): string {
  const columns = Math.max(...options.map((option) => headOf(option).length)) + 2;
  return options
    .map((option) => {
      const fallback =
        option.default === null || option.default === '' ? '' : ` [${option.default}]`;
      return `  ${headOf(option).padEnd(columns)}${option.doc}${fallback}`;
    })
    .join('\n');
}

/** docs/config.md's table, which a test compares with the page. */
export function optionTable(): string {
  const rows = options.map((option) => {
    const repeat =
      option.isRepeatable === true ? ' Repeatable; the variable takes a comma-separated list.' : '';
    const shown =
      option.default === null
        ? 'see text'
        : option.default === ''
          ? 'none'
          : `\`${option.default}\``;
    return `| \`--${option.name}\` | \`${variableOf(option)}\` | ${shown} | ${option.limits} | ${option.doc}${repeat} |`;
  });
  return [
    '| flag | variable | default | limits | what it does |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
