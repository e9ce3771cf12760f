// The client for Node. A clone runs its sources, so that an old build cannot hide a change; a
// package has only dist. Bundlers for browsers take dist/client directly.
import { existsSync } from 'node:fs';

const source = new URL('../src/client/index.ts', import.meta.url);
const built = new URL('../dist/client/index.js', import.meta.url);
const client = await import((existsSync(source) ? source : built).href);

export const { connect, SealpostError } = client;
