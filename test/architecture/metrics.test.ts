import { beforeAll, describe, expect, test } from 'vitest';
import {
  dashboards,
  declaredMetrics,
  grafanaFiles,
} from '../../scripts/dashboards/grafana-files.ts';
import { repositoryFiles, textOf } from './sources.ts';

let types: ReadonlyMap<string, string> = new Map();
let names: string[] = [];

beforeAll(async () => {
  types = new Map((await declaredMetrics()).map(({ name, type }) => [name, type]));
  names = [...types.keys()].toSorted();
});

/** Every match of the pattern's first group, once, sorted. */
function found(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].toSorted();
}

const metricNames = /\b((?:pubsub|run|sealpost|process|nodejs)_[a-z0-9_]+)/g;

function isOwn(name: string): boolean {
  return /^(pubsub|run|sealpost)_/.test(name);
}

/** The metric that a sample's name belongs to. */
function metricOf(sample: string): string {
  const base = sample.replace(/_(bucket|sum|count)$/, '');
  return types.get(base) === 'histogram' ? base : sample;
}

/** What repeats another metric under an older name need not be drawn twice. */
function isOlderName(name: string): boolean {
  return name.endsWith('_message_operation_count') || name.endsWith('_num_unacked_messages');
}

function expressions(): string[] {
  return dashboards.flatMap(({ rows }) =>
    rows.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries.map(([expr]) => expr))),
  );
}

describe('docs/metrics.md', () => {
  const page = textOf('docs/metrics.md');

  test('names exactly the metrics that are registered', () => {
    const documented = found(page, /^\| `((?:pubsub|run|sealpost)_[a-z0-9_]+)` \|/gm);
    expect(documented).toEqual(names.filter(isOwn));
  });

  test('says of which type each is', () => {
    const rows = [...page.matchAll(/^\| `([a-z0-9_]+)` \| (\w+) \|/gm)];
    const wrong = rows.filter(([, name, type]) => types.get(name ?? '') !== type);
    expect(rows.length).toBeGreaterThan(50);
    expect(wrong.map(([row]) => row)).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')(
    'names exactly the process metrics (Linux has more of them)',
    () => {
      const documented = found(page, /`((?:process|nodejs)_[a-z0-9_]+)`/g);
      expect(documented).toEqual(names.filter((name) => !isOwn(name)));
    },
  );
});

describe('dashboards', () => {
  test('the files are what their descriptions make of them (npm run dashboards)', async () => {
    const files = await grafanaFiles();
    for (const [path, text] of files) expect(textOf(path), path).toBe(text);
    const stored = repositoryFiles().filter((file) => file.startsWith('grafana/dashboards/'));
    expect(stored.filter((file) => !files.has(file))).toEqual([]);
  });

  test('show every metric, and none that does not exist', () => {
    const shown = new Set(
      expressions()
        .flatMap((expr) => found(expr, metricNames))
        .map(metricOf),
    );
    expect([...shown].filter((name) => !types.has(name))).toEqual([]);
    expect(names.filter((name) => !shown.has(name) && !isOlderName(name))).toEqual([]);
  });

  test('choose from metrics that exist', () => {
    const queries = dashboards.flatMap(({ variables }) => variables.map(({ query }) => query));
    const chosen = queries.flatMap((query) => found(query, metricNames));
    expect(chosen).toHaveLength(5);
    expect(chosen.filter((name) => !types.has(name))).toEqual([]);
  });

  test('keep the ids that are in bookmarks', () => {
    const uids = dashboards.map(({ uid }) => uid);
    expect(uids).toEqual([
      'sealpost-broker',
      'sealpost-keys',
      'sealpost-process',
      'sealpost-vault',
    ]);
  });

  test('say of each panel what is seen, once', () => {
    const panels = dashboards.flatMap(({ rows }) => rows.flatMap((row) => row.panels));
    expect(panels.filter(({ description }) => !/^\S.{15,}\.$/.test(description))).toEqual([]);
    const titles = dashboards.flatMap(({ uid, rows }) =>
      rows.flatMap((row) => row.panels.map(({ title }) => `${uid}: ${title}`)),
    );
    expect(new Set(titles).size).toBe(titles.length);
  });

  test('name as many columns of a table as it has queries', () => {
    const tables = dashboards
      .flatMap(({ rows }) => rows.flatMap((row) => row.panels))
      .filter(({ kind }) => kind === 'table');
    expect(tables).toHaveLength(3);
    for (const { columns, queries } of tables) expect(columns).toHaveLength(queries.length);
  });
});

describe('alerts', () => {
  const rules = textOf('grafana/rules/alerts.yml');
  const alerts = found(rules, /^ +- alert: (\w+)$/gm);

  test('ask for metrics that exist', () => {
    const asked = found(rules, metricNames).map(metricOf);
    expect(asked.filter((name) => !types.has(name))).toEqual([]);
  });

  test('lead each to its section of docs/runbook.md, and every section has its alert', () => {
    expect(alerts.length).toBeGreaterThan(20);
    const sections = found(textOf('docs/runbook.md'), /^## (Sealpost\w+)$/gm);
    expect(sections).toEqual(alerts);
    const anchors = found(rules, /runbook_url: docs\/runbook\.md#(\S+)$/gm);
    expect(anchors).toEqual(alerts.map((alert) => alert.toLowerCase()));
  });

  test('each has a test in promtool that fires and one that does not', () => {
    const cases = textOf('test/integration/alerts.promtool.yml');
    const firing = found(cases, /- name: (\w+) fires\b/g);
    const silent = found(cases, /- name: (\w+) does not fire\b/g);
    const expected = (rest: string): string[] =>
      [...cases.matchAll(/alertname: (\w+)\n +exp_alerts:(.*)\n/g)]
        .filter(([, , what]) => what === rest)
        .map(([, alert]) => alert ?? '');
    for (const tested of [firing, silent, expected(''), expected(' []')]) {
      expect([...new Set(tested)].toSorted()).toEqual(alerts.toSorted());
    }
  });
});
