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

/** Those in the life of a key: between the steps of its creation, rotation, end and restoration. */
export const keyFailpointNames = [
  'beforeKeyCreate',
  'afterKeyCreate',
  'beforeKeyRotate',
  'afterKeyRotate',
  'beforeKeyDestroy',
  'afterKeyDestroy',
  'beforeKeyRestore',
  'afterKeyRestore',
  'beforeKeyChange',
  'afterKeyChange',
  'beforeMaterialDestroy',
  'afterMaterialDestroy',
  'beforeAuditDelivery',
  'afterAuditDelivery',
  'beforeDekRewrap',
  'afterDekRewrap',
  'beforeDekErase',
  'afterDekErase',
  'beforeErasureReceipt',
  'afterErasureReceipt',
] as const;

export type KeyFailpointName = (typeof keyFailpointNames)[number];

/** Those of a new seal of the root key, and of a new root key. */
export const rootKeyFailpointNames = [
  'beforeRootSeal',
  'afterRootSealWritten',
  'afterPreviousRootKeyWritten',
  'beforeRootSealRename',
  'afterRootSealRename',
  'afterRootKeyRewrap',
  'afterPreviousRootKeyRemoved',
] as const;

export type RootKeyFailpointName = (typeof rootKeyFailpointNames)[number];

export type FailpointName =
  | (typeof failpointNames)[number]
  | KeyFailpointName
  | RootKeyFailpointName;

/** Called at each named moment. Production does nothing; a crash test ends the process. */
export type Failpoints = (name: FailpointName) => void;

export const noFailpoints: Failpoints = () => undefined;
