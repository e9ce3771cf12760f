import { options, variableOf } from './options.ts';

/** The options as help lines, 100 columns at most. */
export function optionLines(): string {
  return options
    .map((option) => {
      const head = `--${option.name}${option.placeholder === undefined ? '' : ` ${option.placeholder}`}`;
      const fallback =
        option.default === null || option.default === '' ? '' : ` [${option.default}]`;
      return `  ${head.padEnd(26)}${option.doc}${fallback}`;
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
