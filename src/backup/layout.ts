/**
 * Environments of data, and the folder below the data directory that each is the `store` of. In a
 * backup they lie where they lie in a data directory.
 */
export const dataEnvironments = {
  store: '',
  'vault/store': 'vault',
  'audit/store': 'audit',
} as const;

export type DataEnvironment = keyof typeof dataEnvironments;

/**
 * Those that rows of the keys' environment are needed for. The audit log is the other way round: its
 * anchor is a row there, and a log older than its anchor is one that was cut.
 */
export const beforeKeys: readonly DataEnvironment[] = ['store', 'vault/store'];
export const afterKeys: readonly DataEnvironment[] = ['audit/store'];

export const keysFolder = 'keys';
export const objectsFolder = 'vault/objects';

export const manifestName = 'backup.json';
export const manifestSumName = 'backup.json.sha256';
/** In a directory that a backup is being written to, so that what a crash left can be told. */
export const unfinishedName = 'backup-unfinished';
/** In a data directory that is being restored: it is not to be started on. */
export const restoringName = 'restoring';
/** In a data directory that was restored. */
export const restoredName = 'restored';

const files =
  /^(?:(?:store|vault\/store|audit\/store|keys)\/data\.mdb|vault\/objects\/([0-9a-f]{2})\/\1[0-9a-f]{62}(?:\.index)?)$/u;

/** Whether a backup may hold a file at this path: nothing else is written to a data directory. */
export function isBackupPath(path: string): boolean {
  return files.test(path);
}
