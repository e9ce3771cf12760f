import type { InstanceReport } from '../instances/instances.ts';
import type { Revision, RevisionName, Service, ServiceName, ServiceSpec } from './service.ts';

/** Who asks: an email, or `anonymous`. */
export interface RunCaller {
  readonly principal: string;
}

export interface RunList {
  readonly project: string;
  /** `-`: all. */
  readonly location: string;
  /** Equality terms of a Kubernetes label selector; all must hold. */
  readonly labels: Readonly<Record<string, string>>;
  /** 0: 100, which is also the most. */
  readonly limit: number;
  /** Empty: from the first. */
  readonly continueToken: string;
}

export interface RunPage<Item> {
  readonly items: readonly Item[];
  /** Empty: there are no more. */
  readonly continueToken: string;
}

export interface ServiceChange {
  /** `resourceVersion` that the caller saw; absent: whatever it is. */
  readonly resourceVersion?: string;
  /** Validates everything and writes nothing. */
  readonly isDryRun?: boolean;
}

/** An IAM policy as stored; who decides by it is asked where callers are authenticated. */
export interface RunPolicy {
  readonly version: number;
  readonly bindings: readonly { readonly role: string; readonly members: readonly string[] }[];
  /** Base64. */
  readonly etag: string;
}

/**
 * Services and revisions, as the Run API serves them. Calls resolve when the change is durable; the
 * deployment goes on after it, and conditions tell how it went.
 *
 * All throw RpcError with Cloud Run's codes; INVALID_ARGUMENT names the field and the rule.
 */
export interface RunService {
  create(
    name: ServiceName,
    spec: ServiceSpec,
    change: ServiceChange,
    caller: RunCaller,
  ): Promise<Service>;
  /** A new revision, unless nothing of the template changed. */
  replace(
    name: ServiceName,
    spec: ServiceSpec,
    change: ServiceChange,
    caller: RunCaller,
  ): Promise<Service>;
  get(name: ServiceName): Promise<Service>;
  list(request: RunList): Promise<RunPage<Service>>;
  /** Stops its instances, removes its revisions, and sheds its wrapped DEKs. */
  delete(name: ServiceName, change: ServiceChange, caller: RunCaller): Promise<void>;
  getRevision(name: RevisionName): Promise<Revision>;
  listRevisions(request: RunList): Promise<RunPage<Revision>>;
  /** FAILED_PRECONDITION while traffic goes to it or it is the latest. */
  deleteRevision(name: RevisionName, caller: RunCaller): Promise<void>;
  getPolicy(name: ServiceName): Promise<RunPolicy>;
  setPolicy(name: ServiceName, policy: RunPolicy): Promise<RunPolicy>;
  /** Instances of a service: those that run, and those that ended lately. */
  listInstances(name: ServiceName): Promise<readonly InstanceReport[]>;
}
