import { valueAt, type Curve, type Series } from './curve.ts';

const width = 420;
const height = 170;
const margin = { left: 56, right: 34, top: 34, bottom: 34 };
const columns = 2;

/** Readable on white and on black: no background, and grey text. */
const style = `text { font: 11px system-ui, sans-serif; fill: #7a7a7a }
.title { font-size: 13px; font-weight: 600 }
.axis { stroke: #7a7a7a; stroke-width: 1 }
.line { fill: none; stroke: #2f81f7; stroke-width: 2 }
.dot { fill: #2f81f7 }`;

/** A small chart for each series of each curve: a flat line is a cost that does not grow. */
export function charts(curves: readonly Curve[]): string {
  const panels = curves.flatMap((curve) => curve.series.map((series) => ({ curve, series })));
  const rows = Math.ceil(panels.length / columns);
  const size = [columns * width, rows * height].map(String);
  const parts = panels.map(({ curve, series }, n) => {
    const [x, y] = [(n % columns) * width, Math.floor(n / columns) * height];
    return `<g transform="translate(${String(x)} ${String(y)})">\n${panel(curve, series)}\n</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size[0]!}" height="${size[1]!}" viewBox="0 0 ${size.join(' ')}" role="img">
<style>${style}</style>
${parts.join('\n')}
</svg>
`;
}

function panel(curve: Curve, series: Series): string {
  const values = curve.points.map((point) => valueAt(point, series));
  const most = Math.max(...values.filter((value) => !Number.isNaN(value)), Number.MIN_VALUE);
  const [right, bottom] = [width - margin.right, height - margin.bottom];
  const step = (right - margin.left) / Math.max(1, values.length - 1);
  const at = values.map((value, n) => ({
    x: margin.left + n * step,
    y: bottom - (value / most) * (bottom - margin.top),
    value,
  }));
  const measured = at.filter(({ value }) => !Number.isNaN(value));
  const labels = curve.points.map(({ label }, n) => text(at[n]!.x, height - 16, label, 'middle'));
  const dots = measured.map(
    ({ x, y }) => `<circle class="dot" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3"/>`,
  );
  const line = measured.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  const axis = `M${String(margin.left)} ${String(margin.top)}V${String(bottom)}H${String(right)}`;
  return [
    `<text class="title" x="4" y="16">${curve.name}: ${series.name} (${series.unit})</text>`,
    text(margin.left - 6, margin.top + 4, amount(most), 'end'),
    text(margin.left - 6, bottom + 4, '0', 'end'),
    text(right, height - 3, curve.axis, 'end'),
    `<path class="axis" fill="none" d="${axis}"/>`,
    `<polyline class="line" points="${line}"/>`,
    ...dots,
    ...labels,
  ].join('\n');
}

function text(x: number, y: number, content: string, anchor: 'end' | 'middle'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${content}</text>`;
}

function amount(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(0)}k`;
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}
