import { describe, expect, test } from 'vitest';

import { isPrometheusInstalled, promtool } from '../support/prometheus-process.ts';

const suffix = isPrometheusInstalled ? '' : ' (skipped: Prometheus is not installed)';

describe.skipIf(!isPrometheusInstalled)(`promtool${suffix}`, () => {
  test.each(['alerts', 'google-cloud-names'])('accepts the rules %s', (name) => {
    const { status, stdout } = promtool(['check', 'rules', `grafana/rules/${name}.yml`]);
    expect(stdout).toContain('SUCCESS');
    expect(status).toBe(0);
  });

  test('accepts the configuration that docs/grafana.md starts Prometheus with', () => {
    const { status, stdout } = promtool(['check', 'config', 'grafana/prometheus.yml']);
    expect(stdout).toContain('is valid');
    expect(status).toBe(0);
  });

  test('sees every alert fire where it should, and not where it should not', () => {
    const result = promtool(['test', 'rules', 'test/integration/alerts.promtool.yml']);
    expect(`${result.stdout}${result.stderr}`).toContain('SUCCESS');
    expect(result.status).toBe(0);
  });
});
