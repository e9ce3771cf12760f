import { join } from 'node:path';

import { folderOf, isInstalled, outputOf, prepared, type Readiness } from './client-program.ts';
import { describeClient } from './scenarios.ts';

const sources = folderOf('python');

async function pythonClient(): Promise<Readiness> {
  if (!isInstalled('python3', '-m', 'venv', '--help'))
    return { missing: 'Python is not installed' };
  return await prepared('Python', async (folder) => {
    await outputOf({ command: 'python3', argv: ['-m', 'venv', folder] });
    const command = join(folder, 'bin', 'python');
    const requirements = join(sources, 'requirements.txt');
    await outputOf({ command, argv: ['-m', 'pip', 'install', '--quiet', '-r', requirements] });
    return { command, argv: [join(sources, 'scenarios.py'), 'python-client'] };
  });
}

describeClient('the official Python client', await pythonClient());
