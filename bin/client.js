// The client for Node. A clone runs its sources, so that an old build cannot hide a change; a
// package has only dist. Bundlers for browsers take dist/client directly.
import { existsSync } from 'node:fs';

const source = new URL('../src/client/index.ts', import.meta.url);
const built = new URL('../dist/client/index.js', import.meta.url);
const client = await import((existsSync(source) ? source : built).href).catch(explained);

export const { connect, SealpostError } = client;

function explained(error) {
  if (error.code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
  throw new Error(
    'In a clone of the repository sealpost/client needs Node 24 or newer, which runs TypeScript; this ' +
      `is Node ${process.versions.node}. "npx node PROGRAM" runs the Node 24 that "npm ci" installed.`,
  );
}
