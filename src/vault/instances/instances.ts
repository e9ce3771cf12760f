import type { Socket } from 'node:net';
import type { Revision, RevisionName } from '../services/service.ts';

export type InstanceState = 'STARTING' | 'READY' | 'STOPPING' | 'STOPPED';

/** What became of an attempt to start; the label of a metric. */
export type StartOutcome =
  | 'ready'
  /** The key is not good: nothing was asked, or the unwrap was refused. */
  | 'key_refused'
  /** The key was revoked while the start was on its way. */
  | 'revoked_meanwhile'
  | 'damaged'
  | 'no_memory'
  /** It ended, or did not answer its probe in time. */
  | 'unhealthy'
  | 'failed';

/** How long the parts of a start took, ms. */
export interface StartTimes {
  readonly unwrapMs: number;
  readonly openMs: number;
  readonly applyMs: number;
  readonly probeMs: number;
}

/** What is known of an instance, stored: also of one whose vault crashed. */
export interface InstanceReport {
  readonly id: string;
  readonly revision: RevisionName;
  readonly state: InstanceState;
  readonly driver: string;
  readonly startedMs: number;
  readonly stoppedMs: number | null;
  /** Why it ended: `scaled down`, `key revoked`, `exited with code 1`, `vault crashed`. */
  readonly why: string | null;
  readonly times: StartTimes | null;
  readonly bytes: number;
}

/** A running instance, to whoever sends it requests. */
export interface Instance {
  readonly id: string;
  readonly revision: RevisionName;
  connect(): Promise<Socket>;
  /** Resolves when it no longer takes requests: it was told to stop, or it ended by itself. */
  readonly ended: Promise<string>;
}

/** Starts and stops instances; decides nothing about how many. */
export interface Instances {
  /**
   * State check, one unwrap, tree in memory, process, probe, state check again. Throws RpcError:
   * FAILED_PRECONDITION or PERMISSION_DENIED with the seed's message for a key that is not good.
   * The message is in the service's log by then.
   */
  start(revision: Revision, signal: AbortSignal): Promise<Instance>;
  /** No more requests, SIGTERM, 10 s, SIGKILL; the tree is gone when it resolves. */
  stop(id: string, why: string): Promise<void>;
  stopRevision(revision: RevisionName, why: string): Promise<void>;
  running(revision?: RevisionName): readonly Instance[];
  /** Running ones, and the last 100 that ended of each service. */
  reports(filter: {
    readonly project: string;
    readonly location: string;
    readonly serviceId: string;
  }): Promise<readonly InstanceReport[]>;
  /** Called when an instance becomes ready or ends. */
  onChange(listener: (instance: Instance, isReady: boolean) => void): () => void;
  /** Stops all; for a drain. */
  stopAll(why: string): Promise<void>;
}
