import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { parseConfig } from '../../src/config/index.ts';

const folder = join(import.meta.dirname, '../../deploy/systemd');
const names = ['sealpost', 'sealpost-kms', 'sealpost-broker'] as const;
const rolesOf: Readonly<Record<string, readonly string[]>> = {
  sealpost: ['broker', 'kms'],
  'sealpost-kms': ['kms'],
  'sealpost-broker': ['broker'],
};
const unitOf = (name: string): string => readFileSync(join(folder, `${name}.service`), 'utf8');

/** The values of a setting, in order. */
function valuesOf(unit: string, setting: string): string[] {
  return [...unit.matchAll(new RegExp(`^${setting}=(.*)$`, 'gm'))].map(([, value]) => value ?? '');
}

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

describe.each(names)('%s.service', (name) => {
  const unit = unitOf(name);
  const [start = ''] = valuesOf(unit, 'ExecStart');

  test('starts what this version understands, in directories of its own', () => {
    const [program, command, ...argv] = start.split(' ');
    expect([program, command]).toEqual(['/usr/bin/sealpost', 'serve']);
    const config = parseConfig(argv, {});
    expect(config.roles).toEqual(rolesOf[name]);
    expect(config.dataDir).toBe(`/var/lib/${name}/data`);
    expect(config.keysDir).toBe(`/var/lib/${name}/keys`);
    expect(valuesOf(unit, 'StateDirectory')).toEqual([name]);
  });

  test('runs under a user of its own, which can neither gain rights nor leave keys in a dump', () => {
    expect(valuesOf(unit, 'User')).toEqual([name]);
    for (const line of ['LimitCORE=0', 'NoNewPrivileges=yes', 'ProtectSystem=strict']) {
      expect(unit.split('\n')).toContain(line);
    }
    expect(valuesOf(unit, 'LoadCredentialEncrypted')[0]).toMatch(/^sealpost-root-key:\/etc\//);
  });

  test.skipIf(!hasSystemd)('is understood by systemd (systemd-analyze verify)', () => {
    // Program and users are those of an installed machine: here stand others for them.
    const installed = unit
      .replaceAll('/usr/bin/sealpost', '/bin/true')
      .replaceAll(`=${name}\n`, '=daemon\n');
    const directory = mkdtempSync(join(tmpdir(), 'sealpost-units-'));
    try {
      for (const each of names) writeFileSync(join(directory, `${each}.service`), installed);
      const path = join(directory, `${name}.service`);
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path]);
      expect(
        stderr
          .toString()
          .split('\n')
          .filter((line) => line.includes(directory)),
      ).toEqual([]);
      expect(status).toBe(0);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

test('the broker is started after the key service, and is told where it is', () => {
  const kms = valuesOf(unitOf('sealpost-kms'), 'ExecStart')[0] ?? '';
  const broker = unitOf('sealpost-broker');
  expect(valuesOf(broker, 'After')[0]?.split(' ')).toContain('sealpost-kms.service');
  const config = parseConfig(kms.split(' ').slice(2), {});
  expect(broker).toContain(`--kms-endpoint http://${config.hosts[0]}:${config.port} `);
});
