import { median, type Row, type Unit } from './measurement.ts';

const width = 760;
const labelWidth = 250;
const barHeight = 18;
const gap = 8;
const titleHeight = 34;
const valueWidth = 110;

/** Readable on white and on black: no background, and grey text. */
const style = `text { font: 12px system-ui, sans-serif; fill: #7a7a7a }
.title { font-size: 14px; font-weight: 600 }
.ours { fill: #2f81f7 }
.other { fill: #9aa4b2 }
.whisker { stroke: #7a7a7a; stroke-width: 1.5 }`;

/** Bars of every scenario's medians, with the range of the repetitions: an SVG for the docs. */
export function plot(rows: readonly Row[]): string {
  const measured = rows.filter(({ samples }) => samples.length > 0);
  const scenarios = [...new Set(measured.map(({ scenario }) => scenario))];
  const parts: string[] = [];
  let y = 0;
  for (const scenario of scenarios) {
    const own = measured.filter((row) => row.scenario === scenario);
    parts.push(group(scenario, own, y));
    y += titleHeight + own.length * (barHeight + gap) + gap;
  }
  const size = `width="${String(width)}" height="${String(y)}" viewBox="0 0 ${String(width)} ${String(y)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">
<style>${style}</style>
${parts.join('\n')}
</svg>
`;
}

function group(scenario: string, rows: readonly Row[], top: number): string {
  const unit = rows[0]!.unit;
  const most = Math.max(...rows.flatMap(({ samples }) => samples.map(({ value }) => value)));
  const scale = (width - labelWidth - valueWidth) / most;
  const title = `<text class="title" x="0" y="${String(top + 22)}">${scenario} (${unit})</text>`;
  const bars = rows.map((row, n) => bar(row, top + titleHeight + n * (barHeight + gap), scale));
  return [title, ...bars].join('\n');
}

function bar({ subject, samples, unit }: Row, y: number, scale: number): string {
  const values = samples.map(({ value }) => value);
  const middle = y + barHeight / 2;
  const value = median(values);
  const from = labelWidth + Math.min(...values) * scale;
  const to = labelWidth + Math.max(...values) * scale;
  const kind = subject.startsWith('sealpost') ? 'ours' : 'other';
  return [
    `<text x="${String(labelWidth - 8)}" y="${String(middle + 4)}" text-anchor="end">${subject}</text>`,
    `<rect class="${kind}" x="${String(labelWidth)}" y="${String(y)}" width="${(value * scale).toFixed(1)}" height="${String(barHeight)}" rx="2"/>`,
    `<line class="whisker" x1="${from.toFixed(1)}" x2="${to.toFixed(1)}" y1="${String(middle)}" y2="${String(middle)}"/>`,
    `<text x="${(to + 8).toFixed(1)}" y="${String(middle + 4)}">${amount(value, unit)}</text>`,
  ].join('\n');
}

function amount(value: number, unit: Unit): string {
  if (unit === 'ms' || unit === 's') return value.toFixed(2);
  return value >= 10_000 ? `${(value / 1000).toFixed(0)}k` : value.toFixed(0);
}
