import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

import { hasGcloud } from '../support/gcloud.ts';

const script = join(import.meta.dirname, '..', '..', 'examples', 'cmek-rehearsal.sh');
const hasCurl = spawnSync('curl', ['--version']).status === 0;

const ways = [
  { name: 'the sealpost command', argv: [], can: hasCurl, lack: 'curl is not installed' },
  {
    name: 'gcloud',
    argv: ['--gcloud'],
    can: hasCurl && hasGcloud,
    lack: 'gcloud is not installed',
  },
];

describe.each(ways)('by $name', ({ argv, can, lack }) => {
  const why = can ? '' : ` (skipped: ${lack})`;

  test.skipIf(!can)(`the rehearsal plays every incident${why}`, { timeout: 280_000 }, async () => {
    const { stdout } = await promisify(execFile)('bash', [script, ...argv]);
    expect(stdout.match(/publish refused \(400\)/g)).toHaveLength(3);
    expect(stdout.match(/pull works again/g)).toHaveLength(4);
    expect(stdout).toContain('current state is: DISABLED');
    expect(stdout).toContain("Permission 'cloudkms.cryptoKeyVersions.useTo");
    expect(stdout).toContain('current state is: DESTROY_SCHEDULED');
    expect(stdout).toMatch(/refused: \S+ is in use: /);
    expect(stdout).toContain('RestoreCryptoKeyVersion');
    expect(stdout).toMatch(/Publishes answered: \d+; refused while the key was away: \d+/);
  });
});
