import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { parseConfig } from '../../src/config/index.ts';

const folder = join(import.meta.dirname, '..', '..', 'deploy', 'container');
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly user?: string;
}
const compose = parse(textOf('compose.yaml')) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const services = Object.entries(compose.services);

describe('the compose file', () => {
  test('gives Sealpost settings that it understands', () => {
    const config = parseConfig([], { ...compose.services['sealpost']?.environment });
    expect(config.hosts).toEqual(['0.0.0.0']);
    expect(config.publicHosts).toEqual(['sealpost']);
  });

  test.each(services)(
    '%s is reached from this machine alone, without capabilities',
    (_, service) => {
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      expect(service.cap_drop).toEqual(['ALL']);
    },
  );

  test.each(services)('%s mounts what is there', (_, { volumes = [] }) => {
    for (const volume of volumes) {
      const [source = '', target = ''] = volume.split(':');
      expect(target).toMatch(/^\//);
      if (source.startsWith('.')) expect(existsSync(join(folder, source)), source).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
  });

  test('images of others are named with their version', () => {
    for (const [name, { image }] of services) {
      if (name !== 'sealpost') expect(image).toMatch(/:v?\d+\.\d+\.\d+$/);
    }
  });

  test('Sealpost has a read-only root and is not root', () => {
    expect(compose.services['sealpost']).toMatchObject({ read_only: true, user: '65532:65532' });
  });

  test('Prometheus asks Sealpost by a name that is let in, with the rules of the repository', () => {
    const config = parse(textOf('prometheus.yml')) as {
      readonly rule_files: readonly string[];
      readonly scrape_configs: readonly {
        readonly static_configs: readonly { readonly targets: readonly string[] }[];
      }[];
    };
    expect(config.scrape_configs[0]?.static_configs[0]?.targets).toEqual(['sealpost:8085']);
    expect(config.rule_files).toEqual(['rules/*.yml']);
    const mounts = compose.services['prometheus']?.volumes ?? [];
    expect(mounts).toContain('../../grafana/rules:/etc/sealpost/rules:ro');
  });
});
