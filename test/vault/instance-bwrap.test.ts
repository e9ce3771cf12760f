import { describe, expect, test } from 'vitest';
import { createBwrapDriver } from '../../src/vault/instances/drivers/bwrap-driver.ts';
import { driverCases } from '../support/instance-cases.ts';
import { askInstance, hasBwrap, InstanceSandbox } from '../support/instance-sandbox.ts';

describe.skipIf(!hasBwrap)('instances in bubblewrap (needs bwrap and busybox-static)', () => {
  driverCases('bwrap', createBwrapDriver);

  test('without control groups it writes nowhere but /tmp, and its processes are counted', async () => {
    const sandbox = new InstanceSandbox(createBwrapDriver, { groups: null });
    try {
      const script =
        'touch /tree && echo wrote; touch /dev/x && echo wrote; echo a >/tmp/a; cat /tmp/a; ' +
        'dd if=/dev/zero of=/tmp/big bs=1M count=64 2>&1 | grep -o "No space left"; ' +
        'grep "Max processes" /proc/self/limits | tr -s " "; exec httpd -f -p 8080 -h /tmp';
      const { running, lines } = await sandbox.run(script, {
        limits: { memoryBytes: 16 * 2 ** 20, cpuMillis: 1000, pids: 50 },
      });
      expect(await askInstance(running, '/a')).toContain('200 OK');
      expect(lines.filter((line) => !line.startsWith('touch'))).toEqual([
        'a',
        'No space left',
        'Max processes 50 50 processes ',
      ]);
    } finally {
      await sandbox.close();
    }
  });
});
