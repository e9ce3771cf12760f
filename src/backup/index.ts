/**
 * backup: copies of a data directory that a server works on, and new directories made of them.
 *
 * Opens nothing and needs no key: what is sealed stays sealed, and the root key is not in it. Knows
 * which environment must not be older than which; how one is copied is the storage's affair.
 */
export { type BackupParts, BackupRun } from './backup-run.ts';
export { type BackupReport, Backups } from './backups.ts';
export { noOpenSources, type OpenSources, type RootKeyIds } from './backup-sources.ts';
export { bytesOf, type Manifest } from './manifest.ts';
export { checkBackup, copyIdOf, requireWholeDirectory, restoreBackup } from './restore.ts';
