import { passphrasePrompt, run, type Entrances } from './cli/index.ts';
import { packageVersion, takeRootKeySurroundings } from './config/index.ts';

/** Whatever this process makes is its user's alone: folders 0700, files 0600. LMDB asks for more. */
function keepPrivate(): void {
  process.umask(0o077);
}

/**
 * A clone strips the types of the client that it serves, and Node warns once that it can. Among the
 * log's lines that is noise; every other warning is printed as before.
 */
function hideStripWarning(): void {
  const printers = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    const { name, message } = warning;
    if (name === 'ExperimentalWarning' && message.startsWith('stripTypeScriptTypes')) return;
    for (const print of printers) print.call(process, warning);
  });
}

/** The root key's secrets that are neither options nor files. */
function rootKeyPorts(): {
  rootKeySurroundings: ReturnType<typeof takeRootKeySurroundings>;
  askPassphrase: ReturnType<typeof passphrasePrompt>;
} {
  return {
    rootKeySurroundings: takeRootKeySurroundings(),
    askPassphrase: passphrasePrompt(process),
  };
}

/** The parts are loaded when a command needs them: help must not wait for native addons. */
const entrances: Entrances = {
  async start(config) {
    keepPrivate();
    hideStripWarning();
    const { startServer } = await import('./server.ts');
    return startServer(config, rootKeyPorts());
  },
  async compact(options) {
    keepPrivate();
    const { compactStore } = await import('./storage/index.ts');
    return compactStore(options);
  },
  root: {
    async status(config) {
      const { offlineRootKeyStatus } = await import('./server/offline-root-key.ts');
      return { ...offlineRootKeyStatus(config) };
    },
    async reseal(config, request) {
      keepPrivate();
      const { resealOffline } = await import('./server/offline-root-key.ts');
      const { sealSources } = await import('./kms/index.ts');
      const { to: source, ...rest } = request;
      const to = sealSources.find((each) => each === source);
      const status = await resealOffline(config, { ...rest, ...(to && { to }) }, rootKeyPorts());
      return { ...status };
    },
  },
  backups: {
    async create(config, directory, progress) {
      keepPrivate();
      const { backupOffline } = await import('./server/backup/offline-backup.ts');
      return backupOffline(config, directory, progress);
    },
    async check(config, backup, progress) {
      const { checkBackupAt } = await import('./server/backup/offline-backup.ts');
      return checkBackupAt(config, backup, progress);
    },
    async restore(config, backup, progress) {
      keepPrivate();
      const { restoreTo } = await import('./server/backup/offline-backup.ts');
      return restoreTo(config, backup, progress);
    },
  },
  accounts: {
    async create(config, request) {
      keepPrivate();
      const { createAccountOffline } = await import('./server/offline-account.ts');
      return createAccountOffline(config, request, rootKeyPorts());
    },
  },
  get version() {
    return packageVersion();
  },
};

/** Runs the command line of the process; resolves to its exit code. */
export function main(argv: readonly string[]): Promise<number> {
  return run(argv, entrances);
}
