import { visible, width } from './plain-text.ts';

export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
}

/** Lines of aligned columns under their titles, two blanks between them, none at the end. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const cells = [columns.map(({ title }) => title), ...rows].map((row) => row.map(visible));
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => width(row[at] ?? ''))));
  return cells.map((row) =>
    columns
      .map(({ isNumber }, at) => {
        const cell = row[at] ?? '';
        const padding = ' '.repeat(widths[at]! - width(cell));
        return isNumber === true ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Name and value of each field that has one, the values aligned. */
export function fieldLines(fields: readonly (readonly [name: string, value: string])[]): string[] {
  const shown = fields.filter(([, value]) => value !== '');
  const nameWidth = Math.max(...shown.map(([name]) => width(name)));
  return shown.map(([name, value]) => `${name.padEnd(nameWidth)}  ${visible(value)}`);
}
