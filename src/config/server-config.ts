import type { OidcIssuer } from './access-values.ts';
import type { RegistryMirror } from './registry-values.ts';
import type { KmsEndpoint, Role } from './role-values.ts';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug';
export type SuiteChoice = 'auto' | 'xchacha20-poly1305' | 'xaes-256-gcm';
/** What seals the root key; `auto`: what sealed it before, and `file` for a new directory. */
export type RootKeySource =
  | 'auto'
  | 'file'
  | 'passphrase'
  | 'environment'
  | 'pkcs11'
  | 'systemd-credential';

/** Everything that a server is told from outside. Complete and checked: no part is optional. */
export interface ServerConfig {
  /** TCP port of everything a client speaks; 0 lets the system choose. */
  readonly port: number;
  /** Addresses to listen on; loopback unless `insecure`. */
  readonly hosts: readonly string[];
  /** Absolute path. */
  readonly dataDir: string;
  /** Absolute path of the root key's directory; never inside `dataDir`. */
  readonly keysDir: string;
  /** Host names that requests may carry beside the loopback ones; lower case, no port. */
  readonly publicHosts: readonly string[];
  /** Origins of web pages that may call, such as `https://app.example.com`. */
  readonly allowOrigins: readonly string[];
  /** Origins whose pages may open a WebSocket with a browser token, and nothing else. */
  readonly browserOrigins: readonly string[];
  /** Whether WebSocket frames may be compressed. */
  readonly webSocketCompression: boolean;
  readonly insecure: boolean;
  /** Whether callers must show who they are. */
  readonly authentication: 'off' | 'required';
  /** Members of policies who may do everything. */
  readonly admins: readonly string[];
  readonly oidcIssuers: readonly OidcIssuer[];
  readonly oidcAudiences: readonly string[];
  /** Certificate authorities that issuers may have beside the system's; null: none. */
  readonly oidcCa: string | null;
  readonly clockSkewSeconds: number;
  /** Our certificate and its key, PEM files; both set or both null. */
  readonly tlsCert: string | null;
  readonly tlsKey: string | null;
  /** Authorities of client certificates; null: none is asked for. */
  readonly tlsClientCa: string | null;
  readonly tlsClientCrl: string | null;
  readonly tlsClientAuth: 'optional' | 'required';
  /** Resources that are applied at start, a YAML file; null: none. */
  readonly resourcesFile: string | null;
  readonly autoCreateTopics: boolean;
  /** Of one project. */
  readonly topicsMax: number;
  /** Of one project, and of one topic. */
  readonly subscriptionsMax: number;
  readonly snapshotsMax: number;
  /** Of one project. */
  readonly schemasMax: number;
  /** Bytes a second in one project; 0: no limit. */
  readonly publisherQuota: number;
  readonly subscriberQuota: number;
  /** Calls a minute in one project; 0: no limit. */
  readonly administratorQuota: number;
  /** Loopback and private subnets that push may reach wherever we listen: `10.1.0.0/16`. */
  readonly outgoingAllow: readonly string[];
  /** Certificate authorities that push trusts beside the system's, as a PEM file; null: none. */
  readonly outgoingCa: string | null;
  /** The issuer of ID tokens, by which endpoints find our keys; null: the server's own URL. */
  readonly issuer: string | null;
  /** Where messages are stored, as storage policies of topics name it; null: any policy is met. */
  readonly region: string | null;
  /** How fast changes of keys arrive: at once, or as late as in Google's service. */
  readonly cmekPropagation: 'instant' | 'google';
  /** Whether every new topic must name a key of its owner's. */
  readonly requireCmek: boolean;
  /** Projects, by id or number, whose keys topics may have; empty: any project's. */
  readonly cmekKeyProjects: readonly string[];
  /** Whether Pub/Sub's service agents are given the role that a topic's key lacks. */
  readonly autoGrant: boolean;
  /** Hosts of external key managers, without ports; empty: there are no EXTERNAL keys. */
  readonly ekmHosts: readonly string[];
  /** Certificate authorities that external key managers may have beside the system's; null: none. */
  readonly ekmCa: string | null;
  /** For one call of an external key manager. */
  readonly ekmDeadlineMs: number;
  /** Uses of HSM keys a second, of one project and location; 0: no limit. */
  readonly hsmQuota: number;
  /** The same of EXTERNAL keys. */
  readonly externalQuota: number;
  readonly logLevel: LogLevel;
  /** How long a stop waits for work in flight. */
  readonly drainSeconds: number;
  readonly suite: SuiteChoice;
  /** Outstanding, delayed and held messages of one subscription, at most. */
  readonly outstandingMax: number;
  /** Memory for opened segments that several subscriptions share. */
  readonly openCacheBytes: number;
  /** Topics, and subscriptions, that have series of their own. */
  readonly metricsResourcesMax: number;
  /** What this server is; at least one. */
  readonly roles: readonly Role[];
  /** Where the keys of topics are; null: in this server. */
  readonly kmsEndpoint: KmsEndpoint | null;
  /** Certificate authorities that it may have beside the system's, as a PEM file; null: none. */
  readonly kmsCa: string | null;
  /** A file with the token for it; null: it asks for none. */
  readonly kmsTokenFile: string | null;
  /** A key there for topics that name none; null: the server's own. */
  readonly defaultKey: string | null;
  /** `PROJECT=NUMBER`, for an endpoint that cannot be asked. */
  readonly projectNumbers: readonly string[];
  /** How long audit entries of changes are kept. */
  readonly auditRetentionDays: number;
  /** How long those of uses and reads are kept. */
  readonly auditDataAccessDays: number;
  /** Whether reads of Pub/Sub's resources are recorded. */
  readonly auditPubsubReads: boolean;
  readonly rootKeySource: RootKeySource;
  /** A file whose first line is the passphrase; null: whoever starts the server is asked. */
  readonly rootKeyPassphraseFile: string | null;
  /** Name of a systemd credential. */
  readonly rootKeyCredential: string;
  /** A vendor's PKCS#11 library; it, label and PIN file are all set or all null. */
  readonly pkcs11Library: string | null;
  readonly pkcs11Token: string | null;
  readonly pkcs11PinFile: string | null;
  /** `HOST[:PORT]` of registries that images may come from. */
  readonly registryHosts: readonly string[];
  readonly registryMirrors: readonly RegistryMirror[];
  /** A file with credentials for registries; null: none. */
  readonly registryAuthFile: string | null;
  /** Certificate authorities that registries may have beside the system's; null: none. */
  readonly registryCa: string | null;
  /** Whether images may be files of this machine. */
  readonly localImages: boolean;
  readonly vaultDriver: 'bwrap' | 'runc';
  /** Absolute path, in a tmpfs; null: one of our own in /dev/shm. */
  readonly vaultRuntimeDir: string | null;
  readonly vaultInstancesMax: number;
  readonly vaultIdleSeconds: number;
  readonly vaultCheckSeconds: number;
  /** An hour of `encryption-key-shutdown-hours`. */
  readonly vaultHourMs: number;
  readonly vaultLogBytes: number;
}
