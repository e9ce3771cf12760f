/** Where a service is: `projects/P/locations/L/services/S`. */
export interface ServiceName {
  readonly project: string;
  readonly location: string;
  readonly serviceId: string;
}

export interface RevisionName extends ServiceName {
  readonly revisionId: string;
}

/** What happens to the instances of a revision when its key is revoked; none named: prevent-new. */
export type RevocationAction = 'prevent-new' | 'shut-down';

/** The key of a revision's image, and what its revocation does. */
export interface EncryptionSettings {
  /** A CryptoKey's full name. */
  readonly key: string;
  readonly action?: RevocationAction;
  /** Whole hours from the detection of the revocation; only with `shut-down`. */
  readonly shutdownHours?: number;
}

export interface EnvVariable {
  readonly name: string;
  readonly value: string;
}

/** Seconds and counts as in Knative; exactly one of `tcpPort` and `http`. */
export interface Probe {
  readonly tcpPort?: number;
  readonly http?: {
    readonly path: string;
    readonly port?: number;
    readonly headers: readonly EnvVariable[];
  };
  readonly initialDelaySeconds: number;
  readonly timeoutSeconds: number;
  readonly periodSeconds: number;
  readonly failureThreshold: number;
}

/** The one container of a revision, as its owner asked for it. */
export interface Container {
  readonly name?: string;
  /** As given: a tag, or a digest. */
  readonly image: string;
  /** Instead of the image's entrypoint, and of its arguments. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir?: string;
  readonly env: readonly EnvVariable[];
  readonly port: number;
  /** `http1` unless named `h2c`. */
  readonly portName?: string;
  /** `1`, `500m`; `512Mi`, as given. */
  readonly limits: Readonly<Record<string, string>>;
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
}

/** What every instance of a revision is made from. */
export interface RevisionTemplate {
  /** The revision's id if its owner chose it: `SERVICE-something`. */
  readonly revisionId?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** All annotations as given, those that we read included. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly container: Container;
  /** Requests that one instance is given at a time, 1 .. 1000. */
  readonly containerConcurrency: number;
  /** For one request, 1 .. 3600. */
  readonly timeoutSeconds: number;
  readonly serviceAccount?: string;
}

/** What `settingsOf(template)` reads from annotations. */
export interface RevisionSettings {
  readonly encryption: EncryptionSettings | null;
  readonly minInstances: number;
  readonly maxInstances: number;
}

/** A part of the requests, to a revision or to the latest that is ready. */
export interface TrafficTarget {
  /** Absent: the latest ready revision. */
  readonly revisionId?: string;
  /** 0 .. 100; together 100. */
  readonly percent: number;
  /** A name of its own for this target: `TAG---SERVICE.localhost`. */
  readonly tag?: string;
}

/** A target in effect. */
export interface ServedTarget extends TrafficTarget {
  readonly revisionId: string;
  /** Whether it follows the latest ready revision, or stays with the one that it names. */
  readonly followsLatest: boolean;
}

/** What an owner asks of a service. */
export interface ServiceSpec {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly template: RevisionTemplate;
  readonly traffic: readonly TrafficTarget[];
}

/** Knative's condition. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase, for programs. */
  readonly reason?: string;
  /** For people. */
  readonly message?: string;
  readonly severity?: 'Error' | 'Warning' | 'Info';
  /** Ms since the Unix epoch. */
  readonly lastTransitionMs: number;
}

/** A service and what became of it. */
export interface Service {
  readonly name: ServiceName;
  /** Random per creation. */
  readonly uid: string;
  readonly spec: ServiceSpec;
  /** One more with each change of the specification. */
  readonly generation: number;
  /** Changes with every write, status included; for optimistic concurrency. */
  readonly resourceVersion: string;
  readonly createdMs: number;
  /** Who made it, and who changed it last: an email, or `anonymous`. */
  readonly creator: string;
  readonly lastModifier: string;
  readonly observedGeneration: number;
  readonly latestCreatedRevisionId: string | null;
  readonly latestReadyRevisionId: string | null;
  /** What is in effect. */
  readonly servedTraffic: readonly ServedTarget[];
  /** Ready, ConfigurationsReady and RoutesReady. */
  readonly conditions: readonly Condition[];
  /** `http://SERVICE.localhost:8085`. */
  readonly url: string;
}

/** Immutable but for its conditions. */
export interface Revision {
  readonly name: RevisionName;
  readonly uid: string;
  readonly serviceUid: string;
  /** The service's generation that made it. */
  readonly generation: number;
  readonly resourceVersion: string;
  readonly createdMs: number;
  readonly creator: string;
  readonly template: RevisionTemplate;
  readonly settings: RevisionSettings;
  /** The image's manifest digest, pinned at deploy; null until it is known. */
  readonly imageDigest: string | null;
  /** Ready, Active, ContainerHealthy, ResourcesAvailable, and what explains them. */
  readonly conditions: readonly Condition[];
}

export function serviceNameOf({ project, location, serviceId }: ServiceName): string {
  return `projects/${project}/locations/${location}/services/${serviceId}`;
}

export function revisionNameOf(name: RevisionName): string {
  return `${serviceNameOf(name)}/revisions/${name.revisionId}`;
}
