import { readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { folderOf, isInstalled, outputOf, prepared, type Readiness } from './client-program.ts';
import { describeClient } from './scenarios.ts';

const sources = folderOf('java');

async function javaClient(): Promise<Readiness> {
  const has = isInstalled('javac', '-version') && isInstalled('mvn', '-version');
  if (!has) return { missing: 'Java with Maven is not installed' };
  return await prepared('Java', async (folder) => {
    const pathFile = join(folder, 'class-path');
    const list = ['dependency:build-classpath', `-Dmdep.outputFile=${pathFile}`];
    const pom = join(sources, 'pom.xml');
    await outputOf({ command: 'mvn', argv: ['--batch-mode', '--quiet', '--file', pom, ...list] });
    const classPath = [folder, readFileSync(pathFile, 'utf8')].join(delimiter);
    const files = readdirSync(sources).filter((file) => file.endsWith('.java'));
    const compile = ['-d', folder, '-cp', classPath, ...files.map((file) => join(sources, file))];
    await outputOf({ command: 'javac', argv: compile });
    return { command: 'java', argv: ['-cp', classPath, 'Main'] };
  });
}

describeClient('the official Java client', await javaClient());
