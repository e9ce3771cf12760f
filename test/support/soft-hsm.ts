import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { TokenPlace } from '../../src/pkcs11/index.ts';

const program = 'softhsm2-util';
const library: string =
  ['/usr/lib/softhsm/libsofthsm2.so', '/usr/local/lib/softhsm/libsofthsm2.so'].find(existsSync) ??
  '';

/** Whether Debian's softhsm2 is here: a PKCS#11 token made of files. */
export const hasSoftHsm: boolean = library !== '' && spawnSync(program, ['--version']).status === 0;

export const needsSoftHsm = '(needs softhsm2)';

export interface SoftHsm {
  readonly place: TokenPlace;
  readonly folder: string;
  /** Makes a token of another label. */
  addToken(label: string): TokenPlace;
  remove(): void;
}

/**
 * A token of this run's own. SoftHSM finds its tokens by SOFTHSM2_CONF, which processes inherit: one
 * of these at a time in a process.
 */
export function makeSoftHsm(label = 'sealpost-test'): SoftHsm {
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-softhsm-'));
  const configuration = join(folder, 'softhsm2.conf');
  mkdirSync(join(folder, 'tokens'), { mode: 0o700 });
  writeFileSync(configuration, `directories.tokendir = ${join(folder, 'tokens')}\n`);
  process.env['SOFTHSM2_CONF'] = configuration;
  const addToken = (name: string): TokenPlace => {
    const pinFile = join(folder, `${name}.pin`);
    writeFileSync(pinFile, '271828\n', { mode: 0o600 });
    const pins = ['--pin', '271828', '--so-pin', '314159'];
    execFileSync(program, ['--init-token', '--free', '--label', name, ...pins], { stdio: 'pipe' });
    return { library, tokenLabel: name, pinFile };
  };
  return {
    place: addToken(label),
    folder,
    addToken,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
