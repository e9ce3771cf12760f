import type { Dashboard, Panel, Threshold, Variable } from './panel.ts';

type Json = Record<string, unknown>;

const datasource = { type: 'prometheus', uid: '${datasource}' };
const heights = { timeseries: 8, stat: 4, table: 9 };

/** A dashboard as Grafana stores it. Ids and places follow from the order of the panels. */
export function dashboardJson(dashboard: Dashboard): Json {
  const { uid, title, description, variables, rows } = dashboard;
  return {
    uid,
    title,
    description,
    tags: ['sealpost'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: '',
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    links: [
      {
        type: 'dashboards',
        title: 'Sealpost',
        tags: ['sealpost'],
        asDropdown: true,
        includeVars: true,
        keepTime: true,
      },
    ],
    templating: { list: [datasourceVariable, ...variables.map(variableJson)] },
    panels: placed(rows),
  };
}

const datasourceVariable: Json = {
  name: 'datasource',
  label: 'Data source',
  type: 'datasource',
  query: 'prometheus',
};

function variableJson({ name, label, query }: Variable): Json {
  return {
    name,
    label,
    type: 'query',
    datasource,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  };
}

function placed(rows: Dashboard['rows']): Json[] {
  const panels: Json[] = [];
  let y = 0;
  for (const row of rows) {
    const header = { x: 0, y: y++, w: 24, h: 1 };
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      gridPos: header,
      panels: [],
    });
    let x = 0;
    let height = 0;
    for (const panel of row.panels) {
      const { width: w = 8, kind = 'timeseries' } = panel;
      if (x + w > 24) {
        x = 0;
        y += height;
        height = 0;
      }
      panels.push(panelJson(panel, panels.length + 1, { x, y, w, h: heights[kind] }));
      x += w;
      height = Math.max(height, heights[kind]);
    }
    y += height;
  }
  return panels;
}

function panelJson(panel: Panel, id: number, gridPos: Json): Json {
  const { kind = 'timeseries', title, description, unit, thresholds = [], queries } = panel;
  const isTable = kind === 'table';
  return {
    id,
    type: kind,
    title,
    description,
    datasource,
    gridPos,
    fieldConfig: {
      defaults: {
        unit,
        ...(unit === 'dateTimeFromNow' ? {} : { min: 0 }),
        thresholds: { mode: 'absolute', steps: steps(thresholds) },
        color: { mode: kind === 'stat' ? 'thresholds' : 'palette-classic' },
        ...(kind === 'timeseries' ? { custom: lines(panel) } : {}),
      },
      overrides: isTable ? columnOverrides(panel) : [],
    },
    options: optionsOf(kind),
    targets: queries.map(([expr, legend], index) => ({
      refId: refId(index),
      datasource,
      expr,
      legendFormat: legend ?? '__auto',
      ...(isTable ? { instant: true, range: false, format: 'table' } : {}),
      ...(kind === 'stat' ? { instant: true, range: false } : {}),
    })),
    ...(isTable ? { transformations: [{ id: 'merge', options: {} }, organize(panel)] } : {}),
  };
}

function steps(thresholds: readonly Threshold[]): Json[] {
  return [
    { color: 'green', value: null },
    ...thresholds.map(([value, color]) => ({ color, value })),
  ];
}

function lines({ isStacked, thresholds }: Panel): Json {
  return {
    lineWidth: 1,
    fillOpacity: isStacked === true ? 30 : 8,
    showPoints: 'never',
    spanNulls: false,
    stacking: { mode: isStacked === true ? 'normal' : 'none', group: 'A' },
    thresholdsStyle: { mode: thresholds === undefined ? 'off' : 'line' },
  };
}

function optionsOf(kind: 'timeseries' | 'stat' | 'table'): Json {
  if (kind === 'table') return { showHeader: true, cellHeight: 'sm' };
  if (kind === 'stat') {
    return {
      colorMode: 'value',
      graphMode: 'none',
      textMode: 'auto',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    };
  }
  return {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
    tooltip: { mode: 'multi', sort: 'desc' },
  };
}

function refId(index: number): string {
  return String.fromCodePoint(65 + index);
}

/** Grafana numbers the values of several queries, and not those of one. */
function valueColumn(index: number, count: number): string {
  return count === 1 ? 'Value' : `Value #${refId(index)}`;
}

function columnOverrides({ columns = [] }: Panel): Json[] {
  return columns.map(([, unit], index) => ({
    matcher: { id: 'byName', options: valueColumn(index, columns.length) },
    properties: [{ id: 'unit', value: unit }],
  }));
}

function organize({ columns = [] }: Panel): Json {
  const renames = columns.map(([name], index) => [valueColumn(index, columns.length), name]);
  return {
    id: 'organize',
    options: { excludeByName: { Time: true }, renameByName: Object.fromEntries(renames) as Json },
  };
}
