import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { dashboards } from '../../scripts/dashboards/grafana-files.ts';
import { ObservedServer } from '../support/observed-server.ts';
import { isPrometheusInstalled, promtool } from '../support/prometheus-process.ts';

const suffix = isPrometheusInstalled ? '' : ' (skipped: Prometheus is not installed)';
const rules = (file: string): string =>
  readFileSync(`${import.meta.dirname}/../../grafana/rules/${file}`, 'utf8');

/** A query as Grafana sends it: all of everything, and a window of ten scrapes. */
function withVariables(expr: string): string {
  return expr
    .replaceAll(/\$(project|topic|subscription)\b/g, '.*')
    .replaceAll('$__rate_interval', '10s');
}

function panelQueries(): string[] {
  return dashboards.flatMap(({ rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap(({ queries }) => queries.map(([expr]) => withVariables(expr))),
    ),
  );
}

function recordedNames(): string[] {
  return [...rules('google-cloud-names.yml').matchAll(/record: (\S+)/g)].map(
    ([, name]) => name ?? '',
  );
}

/** What the load does not drive: faults of our own, which only a broken disk or a bug makes. */
const undriven = [
  'pubsub_topic_send_request_count{response_class="internal"}',
  'sealpost_kms_requests_total{response_class="internal"}',
];

/** The series that alerts look at, without their thresholds: promtool tests those. */
function alertSelectors(): string[] {
  const pattern = /\b((?:pubsub|run|sealpost|process|nodejs)_\w+(?:\{[^}]*\})?|up\{[^}]*\})/g;
  const expressions = rules('alerts.yml')
    .split(/^ +for:|^ +labels:/m)
    .map((part) => part.split(/ +expr: /)[1] ?? '');
  const selectors = expressions.flatMap((expr) => [...expr.matchAll(pattern)].map(([all]) => all));
  return selectors.filter((selector) => !undriven.includes(selector));
}

describe.skipIf(!isPrometheusInstalled)(`a real Prometheus${suffix}`, () => {
  let observed: ObservedServer;

  beforeAll(async () => {
    observed = await ObservedServer.start();
  });

  afterAll(async () => {
    await observed.stop();
  });

  async function unanswered(queries: readonly string[]): Promise<string[]> {
    const isAnswered = async (query: string): Promise<boolean> =>
      (await observed.prometheus.query(query)).some(({ value }) => Number.isFinite(value));
    const answers = await Promise.all(queries.map(isAnswered));
    return queries.filter((_, index) => answers[index] === false);
  }

  /** Without an external manager, another key service, a vault, TLS or a broken log nothing counts. */
  const isElsewhere = (query: string): boolean =>
    /sealpost_(?:ekm|kms_quota|remote_kms|audit_failures|vault|tls)_|\brun_/.test(query);

  test(
    'answers every panel, recording rule and alert with data from a server under load',
    { timeout: 120_000 },
    async () => {
      const { load } = observed;
      const names = [...panelQueries(), ...recordedNames(), ...alertSelectors()];
      let missing = [...new Set(names)].filter((name) => !isElsewhere(name));
      expect(missing.length).toBeGreaterThan(150);
      const startMs = performance.now();
      for (let round = 0; missing.length > 0; round++) {
        await load.round();
        await load.overWebSocket();
        await load.toggleKey();
        if (round % 4 === 3) await load.floodWebSocket();
        if (round === 4) await load.revoke();
        load.expire();
        missing = await unanswered(missing);
        if (performance.now() - startMs > 100_000) break;
      }
      expect(missing).toEqual([]);
    },
  );

  test('reads OpenMetrics, where counters under the names of Google are of unknown type', async () => {
    const types = await observed.prometheus.types();
    expect(types.get('pubsub_topic_send_request_count')).toBe('unknown');
    expect(types.get('pubsub_topic_message_sizes')).toBe('histogram');
    expect(types.get('sealpost_sealed_messages')).toBe('counter');
  });

  test.each(['text/plain', 'application/openmetrics-text'])(
    'promtool finds in %s nothing but what follows from names that are not ours',
    async (accept) => {
      const reply = await fetch(`${observed.url}/metrics`, { headers: { accept } });
      expect(reply.headers.get('content-type')).toContain(accept);
      const page = asText(await reply.text());
      const { stdout, stderr } = promtool(['check', 'metrics'], page);
      expect(stdout).toBe('');
      const complaints = stderr.split('\n').filter(Boolean);
      expect(complaints.toSorted()).toEqual(allowedLint(page).toSorted());
    },
  );

  test('HEAD answers with the head of the page alone', async () => {
    const reply = await fetch(`${observed.url}/metrics`, { method: 'HEAD' });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toContain('version=0.0.4');
    expect(await reply.text()).toBe('');
  });
});

/** promtool reads the older format alone: only the words that differ are changed. */
function asText(page: string): string {
  const isOpenMetrics = page.endsWith('# EOF\n');
  if (!isOpenMetrics) return page;
  return page
    .replaceAll(
      /^# HELP (\S+) (.*)\n# TYPE \1 counter$/gm,
      '# HELP $1_total $2\n# TYPE $1_total counter',
    )
    .replaceAll(/^(# TYPE \S+) unknown$/gm, '$1 untyped');
}

/** Google's counters end in `_count`; prom-client calls three gauges `_total`. */
function allowedLint(page: string): string[] {
  // Those of unknown type are not complained about.
  const counters = [...page.matchAll(/^# TYPE (pubsub_\w+_count) counter$/gm)].map(
    ([, name]) => name,
  );
  return [
    ...counters.flatMap((name) => [
      `${name} non-histogram and non-summary metrics should not have "_count" suffix`,
      `${name} counter metrics should have "_total" suffix`,
    ]),
    ...['handles', 'requests', 'resources'].map(
      (what) => `nodejs_active_${what}_total non-counter metrics should not have "_total" suffix`,
    ),
  ];
}
