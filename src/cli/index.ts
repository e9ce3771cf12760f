/**
 * cli: the sealpost command. Its commands talk to a server over the network like any client.
 *
 * What needs the server's own parts (serve, compact) is handed in by main.ts.
 */
export type { OfflineAccountRequest, OfflineAccounts } from './accounts/offline-account.ts';
export { commands, run, type Entrances } from './run.ts';
export type { RunningServer } from './serve.ts';
export type { OfflineReseal, OfflineRoot } from './root/offline-root.ts';
export { passphrasePrompt } from './root/passphrase-prompt.ts';
