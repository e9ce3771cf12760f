import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

import { hasOpenssl } from '../support/test-certificates.ts';

const script = join(import.meta.dirname, '..', '..', 'examples', 'secure-project.sh');
const skipped = hasOpenssl ? '' : ' (skipped: openssl is not installed)';

test.skipIf(!hasOpenssl)(
  `a file brings a project up over TLS; who has a role publishes, a stranger does not, the schema refuses, a function transforms${skipped}`,
  async () => {
    const { stdout } = await promisify(execFile)('bash', [script]);
    expect(stdout).toMatch(/^https:\/\/(localhost|127\.0\.0\.1):\d+$/m);
    expect(stdout).toMatch(/^published \d{17}$/m);
    expect(stdout).toContain('refused: 7 PERMISSION_DENIED: User not authorized to perform this');
    expect(stdout).toContain(
      'refused: 3 INVALID_ARGUMENT: Invalid data in message: Message failed',
    );
    expect(stdout).toContain('received {"table":7,"what":"TEA"}');
    expect(stdout).toContain('refused: 16 UNAUTHENTICATED: Request had invalid authentication');
    expect(stdout).not.toContain('poison');
  },
);
