#!/usr/bin/env -S node --max-semi-space-size=64
// Plain JavaScript that any Node can parse: it must be able to say that this Node is too old.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const oldestMajor = 24;
const major = Number(process.versions.node.split('.')[0]);

if (major < oldestMajor) {
  process.stderr.write(
    `Sealpost needs Node ${oldestMajor} or newer; this is Node ${process.versions.node}.\n` +
      'In a clone of the repository, "npm start" runs the Node 24 that "npm ci" installed,\n' +
      'and "npx sealpost COMMAND" does the same for every other command.\n',
  );
  process.exitCode = 1;
} else {
  // Half of a start is stripping types and compiling; beside the code, not in a folder of everybody's.
  const cache = new URL('../node_modules/.cache/sealpost', import.meta.url);
  module.enableCompileCache(fileURLToPath(cache));
  // A clone runs its sources, so that an old build cannot hide a change; a package has only dist.
  const source = new URL('../src/main.ts', import.meta.url);
  const built = new URL('../dist/main.js', import.meta.url);
  const { main } = await import((existsSync(source) ? source : built).href);
  process.exitCode = await main(process.argv.slice(2));
  // Nothing should be left to do; whatever is may not keep a stopped server alive.
  setTimeout(() => process.exit(), 1000).unref();
}
