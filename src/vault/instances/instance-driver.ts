import type { Socket } from 'node:net';

export interface InstanceLimits {
  readonly memoryBytes: number;
  readonly cpuMillis: number;
  /** Processes and threads. */
  readonly pids: number;
}

/** Everything that a driver needs to run one process tree. */
export interface InstanceSpec {
  /** Unique for ever; letters, digits and `-`. */
  readonly id: string;
  /** The tree, in memory; the driver's own until `remove`. */
  readonly root: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Inside. */
  readonly uid: number;
  readonly gid: number;
  /** As given to `openTree`: ids outside are larger by so much; null: one id only, our own. */
  readonly idOffset: number | null;
  readonly hostname: string;
  /** Where it listens, inside its own network. */
  readonly port: number;
  /** Others that probes ask at. */
  readonly probePorts?: readonly number[];
  readonly limits: InstanceLimits;
  /** A line of its standard output or error, without the line end. */
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
}

export interface InstanceExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** True if it ran out of its memory. */
  readonly isOutOfMemory: boolean;
  /** The most that was in use, where that is known. */
  readonly memoryPeakBytes?: number;
}

export interface RunningInstance {
  /** Of the first process, outside. */
  readonly pid: number;
  /** Nothing of it but its tree is left when this resolves. */
  readonly exited: Promise<InstanceExit>;
  /**
   * A connection to its port, or to one of `probePorts`, through its own network. Rejects while
   * nobody listens.
   */
  connect(port?: number): Promise<Socket>;
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
}

/** A way to run instances. None of them ever shares the host's network. */
export interface InstanceDriver {
  readonly name: 'bwrap' | 'runc' | 'fake';
  /** Whether each instance has ids of its own: `idOffset` is a number. */
  readonly mapsIds: boolean;
  /** Throws RpcError FAILED_PRECONDITION that names what is missing. */
  check(): Promise<void>;
  start(spec: InstanceSpec): Promise<RunningInstance>;
  /** After a crash of ours: ends and removes whatever earlier processes left; how many. */
  sweep(): Promise<number>;
}
