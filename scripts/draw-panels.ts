import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SystemClock } from '../src/runtime/index.ts';
import { ObservedServer } from '../test/support/observed-server.ts';
import { chartSvg, type Line } from './panels/chart.ts';
import { drawnPanels, panelOf, type DrawnPanel } from './panels/drawn-panels.ts';

/**
 * Draws panels of the dashboards for the docs from what a real Prometheus saw of a real server:
 * a minute of load, in the middle of which a key is disabled for a while.
 */
const seconds = 60;
/** Until the rates have something to begin from. */
const warmUpSeconds = 8;
const band = { from: 20, to: 40, label: "the ledger's key is disabled" };
/** Of one round of load. */
const roundMs = 250;
const clock = new SystemClock();
const images = join(import.meta.dirname, '..', 'docs', 'images');

async function minuteOfLoad({ load }: ObservedServer): Promise<number> {
  const startMs = Date.now() + warmUpSeconds * 1000;
  const elapsed = (): number => (Date.now() - startMs) / 1000;
  let isRevoked = false;
  for (let round = 0; elapsed() < seconds; round++) {
    const next = clock.monotonicMs() + roundMs;
    await load.round();
    if (round % 3 === 0) await load.overWebSocket();
    const shouldBeRevoked = elapsed() >= band.from && elapsed() < band.to;
    if (shouldBeRevoked !== isRevoked) {
      await (shouldBeRevoked ? load.revoke() : load.restore());
      isRevoked = shouldBeRevoked;
    }
    await new Promise<void>((resolve) => {
      clock.schedule(next, resolve);
    });
  }
  return startMs / 1000;
}

async function linesOf(
  observed: ObservedServer,
  drawn: DrawnPanel,
  start: number,
): Promise<Line[]> {
  const lines: Line[] = [];
  for (const [expr, legend = ''] of panelOf(drawn).queries) {
    const query = expr
      .replaceAll('$subscription', drawn.subscriptions ?? '.*')
      .replaceAll(/\$(project|topic)\b/g, '.*')
      .replaceAll('$__rate_interval', '5s');
    const series = await observed.prometheus.queryRange(query, start, start + seconds);
    for (const { labels, points } of series) {
      lines.push({
        legend: legend.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => labels[name] ?? ''),
        points: points
          .filter(([, value]) => Number.isFinite(value))
          .map(([time, value]) => [time - start, value] as const),
      });
    }
  }
  return lines.filter(({ points }) => points.length > 1);
}

const observed = await ObservedServer.start();
try {
  const start = await minuteOfLoad(observed);
  mkdirSync(images, { recursive: true });
  for (const drawn of drawnPanels) {
    const { title, unit } = panelOf(drawn);
    const lines = await linesOf(observed, drawn, start);
    const svg = chartSvg({ title, unit, seconds, lines, band });
    writeFileSync(join(images, drawn.file), svg);
  }
} finally {
  await observed.stop();
}
