import { describe, expect, test } from 'vitest';

import { canRunImages, needsImages, useLiveVault } from '../support/live-vault.ts';

const vault = useLiveVault(['--vault-check-seconds', '1']);
const why = canRunImages ? '' : ` ${needsImages}`;
const project = 'measured';

/** The sum of a metric's samples whose labels contain all of `labels`. */
async function sample(name: string, ...labels: readonly string[]): Promise<number> {
  const lines = (await vault.server.metrics()).split('\n');
  const own = lines.filter(
    (line) =>
      (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) &&
      labels.every((label) => line.includes(label)),
  );
  return own.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

describe.skipIf(!canRunImages)('metrics of the vault', () => {
  test(`tell starts, requests, keys, deadlines and bytes of a real service${why}`, async () => {
    const key = await vault.createKey(project, 'ring', 'images');
    const annotations = {
      'run.googleapis.com/encryption-key': key,
      'run.googleapis.com/post-key-revocation-action-type': 'shut-down',
      'run.googleapis.com/encryption-key-shutdown-hours': '3',
    };
    await vault.deploy(project, 'hello', annotations);
    expect(await vault.settled(project, 'hello')).toMatchObject({ status: 'True' });
    const { url, latestReadyRevisionName } = (await vault.service(project, 'hello')).status;
    await vault.visit(url);
    await vault.visit(url, '/absent');

    const own = [
      `project_id="${project}"`,
      'location="us-central1"',
      'service_name="hello"',
      `revision_name="${latestReadyRevisionName}"`,
    ];
    expect(await sample('run_request_count', ...own, 'response_code="200"')).toBe(1);
    expect(await sample('run_request_count', ...own, 'response_code_class="4xx"')).toBe(1);
    expect(await sample('run_request_latencies_count', ...own)).toBe(2);
    expect(await sample('run_container_instance_count', ...own, 'state="ready"')).toBe(1);
    expect(await sample('run_container_startup_latencies_count', ...own)).toBe(1);
    expect(await sample('sealpost_vault_starts_total', 'outcome="ready"')).toBe(1);
    for (const phase of ['unwrap', 'open', 'apply', 'probe']) {
      expect(await sample('sealpost_vault_start_seconds_count', `phase="${phase}"`), phase).toBe(1);
    }
    const calls = 'sealpost_vault_kms_requests_total';
    expect(await sample(calls, 'purpose="start"', 'response_code="success"')).toBe(1);
    expect(await sample(calls, 'purpose="wrap"', 'response_code="success"')).toBe(1);
    expect(await sample(calls, 'purpose="deploy"')).toBe(0);
    expect(await sample(calls, 'purpose="encrypt_check"')).toBeGreaterThan(0);
    const state = [`project_id="${project}"`, `kms_key_name="${key}"`];
    expect(await sample('sealpost_vault_key_state', ...state, 'state="enabled"')).toBe(1);
    const imported = await sample('sealpost_vault_imported_bytes_total');
    expect(imported).toBeGreaterThan(1_000_000);
    expect(await sample('sealpost_vault_object_bytes')).toBeGreaterThan(imported);
    expect(await sample('sealpost_vault_unpacked_bytes')).toBeGreaterThan(1_000_000);

    await vault.deploy(project, 'hello', annotations, { env: [{ name: 'A', value: 'b' }] });
    expect(await vault.settled(project, 'hello')).toMatchObject({ status: 'True' });
    expect(await sample('sealpost_vault_deduplicated_bytes_total')).toBe(imported);
    expect(await sample(calls, 'purpose="deploy"', 'response_code="success"')).toBe(1);

    expect(await sample('sealpost_vault_shutdown_seconds')).toBe(0);
    await vault.setState(key, 'DISABLED');
    await vault.until(
      () => sample('sealpost_vault_key_state', ...state, 'state="revoked"'),
      (value) => value === 1,
    );
    expect(await sample('sealpost_vault_key_state', ...state, 'state="enabled"')).toBe(0);
    const left = await vault.until(
      () => sample('sealpost_vault_shutdown_seconds', 'service_name="hello"'),
      (value) => value > 0,
    );
    expect(left).toBeLessThanOrEqual(2 * 3 * 3_600);
    expect(await sample('sealpost_vault_key_changes_total', 'state="revoked"')).toBe(1);
  });
});
