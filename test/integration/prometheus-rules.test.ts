import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { isPrometheusInstalled } from '../support/prometheus-process.ts';

const root = join(import.meta.dirname, '..', '..');
const suffix = isPrometheusInstalled ? '' : ' (skipped: Prometheus is not installed)';

function promtool(...args: readonly string[]): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: root });
  return { status, said: `${stdout.toString()}${stderr.toString()}` };
}

describe.skipIf(!isPrometheusInstalled)(`promtool${suffix}`, () => {
  test.each(['alerts', 'google-cloud-names'])('accepts the rules %s', (name) => {
    const { status, said } = promtool('check', 'rules', `grafana/rules/${name}.yml`);
    expect(said).toContain('SUCCESS');
    expect(status).toBe(0);
  });

  test('accepts the configuration that docs/grafana.md starts Prometheus with', () => {
    const { status, said } = promtool('check', 'config', 'grafana/prometheus.yml');
    expect(said).toContain('is valid');
    expect(status).toBe(0);
  });

  test('sees every alert fire where it should, and not where it should not', () => {
    const { status, said } = promtool('test', 'rules', 'test/integration/alerts.promtool.yml');
    expect(said).toContain('SUCCESS');
    expect(status).toBe(0);
  });
});
