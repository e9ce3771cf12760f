import type { FailpointName } from '../../src/runtime/index.ts';
import type { KmsWorld } from './kms-world.ts';

/** `before`: as if it had never been asked for. `after`: as if it had been answered. */
export type Standing = 'before' | 'after';

/** One change in the life of a key, in the middle of which the server is killed. */
export interface KmsOperation {
  readonly name: string;
  /** Between its steps, in their order. */
  readonly failpoints: readonly FailpointName[];
  /** Brings about what it starts from, in peace; what is to be done, and how to see what came of it. */
  prepare(world: KmsWorld): Promise<PreparedOperation>;
}

export interface PreparedOperation {
  /** Under way when the server dies; resolves if it was answered first. */
  run(): Promise<unknown>;
  /** After the next start. Names what is half done as violations. */
  standing(): Promise<Standing>;
  /** What the audit log has of it if it stands `after` without an answer. */
  readonly entry?: readonly [log: 'activity' | 'system_event', method: string, resource: string];
}

/** Between a change and its entry in the audit log. */
export const auditFailpoints = ['beforeAuditDelivery', 'afterAuditDelivery'] as const;
export const compactionFailpoints = [
  'beforeKeyCompactionRename',
  'afterKeyCompactionRename',
] as const;
