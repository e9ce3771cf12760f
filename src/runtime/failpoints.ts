/** The moments at which the crash tests kill the process, named after what was about to happen. */
export const failpointNames = [
  'beforeCommit',
  'afterCommit',
  'beforeDekWrap',
  'afterDekWrap',
  'afterDekStored',
  'beforeTrim',
  'afterTrim',
  'beforeKeyCompactionRename',
  'afterKeyCompactionRename',
] as const;

export type FailpointName = (typeof failpointNames)[number];

/** Called at each named moment. Production does nothing; a crash test ends the process. */
export type Failpoints = (name: FailpointName) => void;

export const noFailpoints: Failpoints = () => undefined;
