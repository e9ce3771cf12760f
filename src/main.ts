import { run, type Entrances } from './cli/index.ts';
import { packageVersion } from './config/index.ts';

/** Whatever this process makes is its user's alone: folders 0700, files 0600. LMDB asks for more. */
function keepPrivate(): void {
  process.umask(0o077);
}

/** The parts are loaded when a command needs them: help must not wait for native addons. */
const entrances: Entrances = {
  async start(config) {
    keepPrivate();
    const { startServer } = await import('./server.ts');
    return startServer(config);
  },
  async compact(options) {
    keepPrivate();
    const { compactStore } = await import('./storage/index.ts');
    return compactStore(options);
  },
  get version() {
    return packageVersion();
  },
};

/** Runs the command line of the process; resolves to its exit code. */
export function main(argv: readonly string[]): Promise<number> {
  return run(argv, entrances);
}
