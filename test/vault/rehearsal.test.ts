import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

import { canGcloudRun, gcloudRunExcuse } from '../support/gcloud.ts';
import { canRunImages, needsImages } from '../support/live-vault.ts';

const script = join(import.meta.dirname, '..', '..', 'examples', 'run-revocation.sh');
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const lack = hasCurl
  ? canRunImages
    ? ''
    : ` ${needsImages}`
  : ' (skipped: curl is not installed)';

const ways = [
  { name: 'the sealpost command', argv: [], why: lack },
  { name: 'gcloud', argv: ['--gcloud'], why: canGcloudRun ? lack : gcloudRunExcuse },
];

describe.each(ways)('by $name', ({ argv, why }) => {
  test.skipIf(why !== '')(`a revocation is rehearsed${why}`, { timeout: 200_000 }, async () => {
    const { stdout } = await promisify(execFile)('bash', [script, ...argv]);
    // Deployed, disabled; restored; disabled under prevent-new, at once and after the hours.
    expect(stdout.match(/: 200 Hello from a sealed image/g)).toHaveLength(5);
    expect(stdout.match(/: 503 Service Unavailable/g)).toHaveLength(1);
    expect(stdout).toMatch(/User's CMEK key has been disabled\. CMEK key: projects\/rehearsal\//);
    for (const reason of [
      /[1-9]\d* Decrypting CMEK-encrypted layer during container clone start\./,
      /1 Encrypting a newly created data-encryption-key w\/ the customer-managed-encryption-key\./,
      /[1-9]\d* Decrypting an existing encrypted data-encryption-key, under the same/,
      /[1-9]\d* Performing an encrypt operation on dummy data/,
      /[1-9]\d* Performing a decrypt operation on dummy data/,
    ]) {
      expect(stdout).toMatch(reason);
    }
    expect(stdout).toMatch(/WARNING\s+Instances of revision \S+ will be shut down at/);
    expect(stdout).toMatch(/INFO\s+The CMEK key can be used again\./);
  });
});
