import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { folderOf, isInstalled, outputOf, type Readiness } from './client-program.ts';
import { describeClient } from './scenarios.ts';

/** The Python and the Pub/Sub library that the Google Cloud CLI brings for its own use. */
async function bundledClient(): Promise<Readiness> {
  if (!isInstalled('gcloud', '--version')) return { missing: 'gcloud is not installed' };
  const format = '--format=value[separator="\n"](installation.sdk_root,basic.python_location)';
  const told = await outputOf({ command: 'gcloud', argv: ['info', format] });
  const [root = '', command = ''] = told.trim().split('\n');
  const env = { PYTHONPATH: join(root, 'lib', 'third_party'), PYTHONDONTWRITEBYTECODE: '1' };
  const argv = [join(folderOf('python'), 'scenarios.py'), 'gcloud-python-client'];
  if (!existsSync(join(env.PYTHONPATH, 'google', 'cloud', 'pubsub_v1'))) {
    return { missing: 'gcloud is not installed' };
  }
  return { program: { command, argv, env }, remove: () => undefined };
}

describeClient('the Python client in the Google Cloud CLI', await bundledClient());
