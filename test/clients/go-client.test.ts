import { join } from 'node:path';

import { folderOf, isInstalled, outputOf, prepared, type Readiness } from './client-program.ts';
import { describeClient } from './scenarios.ts';

const sources = folderOf('go');

async function goClient(): Promise<Readiness> {
  if (!isInstalled('go', 'version')) return { missing: 'Go is not installed' };
  return await prepared('Go', async (folder) => {
    const command = join(folder, 'scenarios');
    await outputOf({ command: 'go', argv: ['build', '-C', sources, '-o', command, '.'] });
    return { command, argv: [] };
  });
}

describeClient('the official Go client', await goClient());
