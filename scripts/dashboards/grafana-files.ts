import { Metrics } from '../../src/metrics/index.ts';
import { SystemClock } from '../../src/runtime/index.ts';
import { brokerDashboard } from './broker-dashboard.ts';
import { cloudNameRules, type Declared } from './cloud-names.ts';
import { dashboardJson } from './grafana-json.ts';
import { keysDashboard } from './keys-dashboard.ts';
import type { Dashboard } from './panel.ts';
import { processDashboard } from './process-dashboard.ts';
import { vaultDashboard } from './vault-dashboard.ts';

export const dashboards: readonly Dashboard[] = [
  brokerDashboard,
  keysDashboard,
  processDashboard,
  vaultDashboard,
];

/** Every metric that a server registers, as its page declares them. */
export async function declaredMetrics(): Promise<Declared[]> {
  const source = {
    backlogs: () => Promise.resolve([]),
    snapshots: () => Promise.resolve([]),
    topics: () => Promise.resolve([]),
    storeStats: () => ({ diskBytes: 0, segmentCount: 0 }),
    diskFreeBytes: () => 0,
    openedBytes: () => 0,
  };
  const { body } = await new Metrics({ clock: new SystemClock(), source }).page();
  return [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
    name,
    type,
  }));
}

/** The generated files of grafana/, by path. */
export async function grafanaFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const dashboard of dashboards) {
    const name = dashboard.uid.replace('sealpost-', '');
    const json = JSON.stringify(dashboardJson(dashboard), null, 2);
    files.set(`grafana/dashboards/${name}.json`, `${json}\n`);
  }
  files.set('grafana/rules/google-cloud-names.yml', cloudNameRules(await declaredMetrics()));
  return files;
}
