import type { Unit } from '../dashboards/panel.ts';

/** A line: its legend, and points of seconds since the start and values. */
export interface Line {
  readonly legend: string;
  readonly points: readonly (readonly [second: number, value: number])[];
}

export interface Chart {
  readonly title: string;
  readonly unit: Unit;
  readonly seconds: number;
  readonly lines: readonly Line[];
  /** A stretch of time that is shaded, and what happened in it. */
  readonly band: { readonly from: number; readonly to: number; readonly label: string };
}

const size = { width: 720, height: 300 };
const plot = { left: 64, top: 40, right: 704, bottom: 216 };
const legendTop = 252;
/** Told apart on white and on black, and by those who see red and green alike. */
const colours = [
  '#3b82c4',
  '#e08a1e',
  '#2f9e6e',
  '#c0504d',
  '#8e6bbf',
  '#6b8e23',
  '#b0658c',
  '#7f7f7f',
];

const style = `
  text { font: 12px system-ui, sans-serif; fill: #333; }
  .title { font-size: 15px; font-weight: 600; }
  .grid { stroke: #8884; stroke-width: 1; }
  .band { fill: #c0504d; opacity: 0.14; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
  @media (prefers-color-scheme: dark) { text { fill: #ddd; } }
`;

/** A panel as SVG, readable on light and dark. */
export function chartSvg(chart: Chart): string {
  const drawn = chart.lines.slice(0, colours.length);
  const largest = Math.max(...drawn.flatMap(({ points }) => points.map(([, value]) => value)));
  const base = isBytes(chart.unit) ? 1024 : 1;
  const top = niceTop(largest / base) * base;
  const x = (second: number): number =>
    plot.left + (second / chart.seconds) * (plot.right - plot.left);
  const y = (value: number): number =>
    plot.bottom - (Math.min(value, top) / top) * (plot.bottom - plot.top);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img">`,
    `<title>${escaped(chart.title)}</title>`,
    `<style>${style}</style>`,
    `<text class="title" x="12" y="22">${escaped(chart.title)}</text>`,
    ...bandMarks(chart.band, x),
    ...horizontals(top, y, chart.unit),
    ...seconds(chart.seconds, x),
    ...drawn.map((line, index) => pathOf(line, index, x, y)),
    ...legends(drawn),
    '</svg>',
    '',
  ].join('\n');
}

function bandMarks({ from, to, label }: Chart['band'], x: (second: number) => number): string[] {
  const width = fixed(x(to) - x(from));
  const height = plot.bottom - plot.top;
  return [
    `<rect class="band" x="${fixed(x(from))}" y="${plot.top}" width="${width}" height="${height}"/>`,
    `<text x="${fixed((x(from) + x(to)) / 2)}" y="${plot.top - 5}" text-anchor="middle">${escaped(label)}</text>`,
  ];
}

function horizontals(top: number, y: (value: number) => number, unit: Unit): string[] {
  return [0, 0.25, 0.5, 0.75, 1].flatMap((share) => {
    const height = fixed(y(top * share));
    return [
      `<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${height}" y2="${height}"/>`,
      `<text x="${plot.left - 8}" y="${Number(height) + 4}" text-anchor="end">${valueText(top * share, unit)}</text>`,
    ];
  });
}

function seconds(last: number, x: (second: number) => number): string[] {
  return Array.from({ length: Math.floor(last / 10) + 1 }, (_, index) => {
    const at = index * 10;
    return `<text x="${fixed(x(at))}" y="${plot.bottom + 18}" text-anchor="middle">${at} s</text>`;
  });
}

function pathOf(
  { points }: Line,
  index: number,
  x: (second: number) => number,
  y: (value: number) => number,
): string {
  const steps = points.map(
    ([second, value], step) => `${step === 0 ? 'M' : 'L'}${fixed(x(second))} ${fixed(y(value))}`,
  );
  return `<path class="line" stroke="${colours[index]}" d="${steps.join('')}"/>`;
}

/** Three in a row. */
function legends(lines: readonly Line[]): string[] {
  return lines.flatMap(({ legend }, index) => {
    const left = plot.left + (index % 3) * 216;
    const middle = legendTop + Math.floor(index / 3) * 18;
    return [
      `<rect x="${left}" y="${middle - 9}" width="14" height="4" fill="${colours[index]}"/>`,
      `<text x="${left + 20}" y="${middle - 3}">${escaped(legend)}</text>`,
    ];
  });
}

/** The next of 1, 2, 4, 6, 8 times a power of ten. */
function niceTop(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 4, 6, 8, 10].find((each) => each * power >= value) ?? 10;
  return factor * power;
}

function valueText(value: number, unit: Unit): string {
  const ends: Partial<Record<Unit, string>> = { reqps: '/s', cps: '/s', s: ' s', ms: ' ms' };
  if (unit === 'µs') return `${short(value / 1000)} ms`;
  if (isBytes(unit)) {
    return `${short(value / 1024)} KiB${unit === 'Bps' ? '/s' : ''}`;
  }
  return short(value) + (ends[unit] ?? '');
}

function isBytes(unit: Unit): boolean {
  return unit === 'bytes' || unit === 'Bps';
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
