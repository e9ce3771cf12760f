import { accessOptions } from './access-options.ts';
import { auditOptions } from './audit-options.ts';
import { limitOptions } from './limit-options.ts';
import { roleOptions } from './role-options.ts';
import { rootKeyOptions } from './root-key-options.ts';
import type { LogLevel, ServerConfig, SuiteChoice } from '../server-config.ts';
import {
  directory,
  flag,
  hostName,
  keyProject,
  listenAddress,
  listOf,
  oneOf,
  optionalFile,
  optionalIssuer,
  optionalRegion,
  subnet,
  webOrigin,
  wholeNumber,
  type Parse,
} from '../values.ts';
import { vaultOptions } from './vault-options.ts';

/** One setting of the server. Its flag is `--name`, its variable SEALPOST_NAME with underscores. */
export interface Option<Field extends keyof ServerConfig = keyof ServerConfig> {
  readonly field: Field;
  /** The flag without dashes, kebab-case. */
  readonly name: string;
  /** What the value is, for the help: `PORT`. Absent on a switch. */
  readonly placeholder?: string;
  /** In the form a user would write; null: computed, as `doc` says. */
  readonly default: string | null;
  /** A flag may be given several times; the variable separates by commas. */
  readonly isRepeatable?: true;
  readonly limits: string;
  readonly doc: string;
  readonly parse: Parse<ServerConfig[Field]>;
}

export type AnyOption = { [Field in keyof ServerConfig]: Option<Field> }[keyof ServerConfig];

const logLevels: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug'];
const suites: readonly SuiteChoice[] = ['auto', 'xchacha20-poly1305', 'xaes-256-gcm'];

/** Every setting there is; parsing, help and docs/config.md all come from this table. */
export const options: readonly AnyOption[] = [
  {
    field: 'port',
    name: 'port',
    placeholder: 'PORT',
    default: '8085',
    limits: '0 to 65535',
    doc: 'TCP port for REST, gRPC and metrics alike; 0 lets the system choose.',
    parse: wholeNumber(0, 65_535),
  },
  {
    field: 'hosts',
    name: 'host',
    placeholder: 'ADDRESS',
    default: '127.0.0.1,::1',
    isRepeatable: true,
    limits:
      'IP addresses or localhost; beyond loopback only with TLS and authentication, or --insecure',
    doc: 'Addresses to listen on.',
    parse: listOf(listenAddress, 1),
  },
  {
    field: 'dataDir',
    name: 'data-dir',
    placeholder: 'DIR',
    default: './data',
    limits: 'a local directory',
    doc: 'Where messages, metadata and wrapped keys are stored, sealed. Made if absent.',
    parse: directory,
  },
  {
    field: 'keysDir',
    name: 'keys-dir',
    placeholder: 'DIR',
    default: null,
    limits: 'not inside the data directory',
    doc: 'Where the root key is stored, which wraps all others; DATA_DIR-keys unless named.',
    parse: directory,
  },
  {
    field: 'publicHosts',
    name: 'public-host',
    placeholder: 'NAME',
    default: '',
    isRepeatable: true,
    limits: 'host names without port',
    doc: 'Host names that requests may carry beside localhost and the loopback addresses.',
    parse: listOf(hostName, 0),
  },
  {
    field: 'allowOrigins',
    name: 'allow-origin',
    placeholder: 'ORIGIN',
    default: '',
    isRepeatable: true,
    limits: 'scheme://host[:port]',
    doc: 'Origins of web pages that may call this server; all others are refused.',
    parse: listOf(webOrigin, 0),
  },
  {
    field: 'browserOrigins',
    name: 'browser-origin',
    placeholder: 'ORIGIN',
    default: '',
    isRepeatable: true,
    limits: 'scheme://host[:port]',
    doc: 'Origins of web pages that may open a WebSocket with a browser token, and nothing else.',
    parse: listOf(webOrigin, 0),
  },
  {
    field: 'webSocketCompression',
    name: 'websocket-compression',
    default: 'false',
    limits: 'true or false',
    doc: 'Allows clients to compress WebSocket frames; costs memory and time for each of them.',
    parse: flag,
  },
  {
    field: 'insecure',
    name: 'insecure',
    default: 'false',
    limits: 'true or false',
    doc: 'Allows listening beyond loopback without TLS and authentication.',
    parse: flag,
  },
  {
    field: 'outgoingAllow',
    name: 'outgoing-allow',
    placeholder: 'SUBNET',
    default: '',
    isRepeatable: true,
    limits: 'addresses or subnets in CIDR notation',
    doc: 'Private addresses of push and key managers, reached though we listen beyond loopback.',
    parse: listOf(subnet, 0),
  },
  {
    field: 'outgoingCa',
    name: 'outgoing-ca',
    placeholder: 'FILE',
    default: '',
    limits: 'a PEM file of certificates',
    doc: "Certificate authorities that push endpoints may have beside the system's.",
    parse: optionalFile,
  },
  {
    field: 'issuer',
    name: 'issuer',
    placeholder: 'URL',
    default: '',
    limits: 'an http or https URL without query',
    doc: "The issuer of push's ID tokens, where endpoints find our keys; our own URL unless named.",
    parse: optionalIssuer,
  },
  {
    field: 'region',
    name: 'region',
    placeholder: 'REGION',
    default: '',
    limits: 'lower-case letters, digits and hyphens, as europe-west3',
    doc: 'Where messages are stored; topics whose storage policy excludes it are refused.',
    parse: optionalRegion,
  },
  {
    field: 'cmekPropagation',
    name: 'cmek-propagation',
    placeholder: 'MODE',
    default: 'instant',
    limits: 'instant or google',
    doc: 'google: changes of keys arrive as late as in Google Cloud, for rehearsals.',
    parse: oneOf(['instant', 'google']),
  },
  {
    field: 'requireCmek',
    name: 'require-cmek',
    default: 'false',
    limits: 'true or false',
    doc: 'Refuses new topics without a key of their own, as gcp.restrictNonCmekServices does.',
    parse: flag,
  },
  {
    field: 'cmekKeyProjects',
    name: 'cmek-key-projects',
    placeholder: 'PROJECT',
    default: '',
    isRepeatable: true,
    limits: 'project ids or numbers, also as projects/P or under:projects/P',
    doc: 'Projects whose keys new topics may have, as gcp.restrictCmekCryptoKeyProjects does.',
    parse: listOf(keyProject, 0),
  },
  {
    field: 'autoGrant',
    name: 'auto-grant',
    default: 'false',
    limits: 'true or false',
    doc: "For development: lets Pub/Sub's service agent use the key that a new topic names.",
    parse: flag,
  },
  {
    field: 'ekmHosts',
    name: 'ekm-host',
    placeholder: 'NAME',
    default: '',
    isRepeatable: true,
    limits: 'host names without port',
    doc: 'Hosts of external key managers, which EXTERNAL keys may be at.',
    parse: listOf(hostName, 0),
  },
  {
    field: 'ekmCa',
    name: 'ekm-ca',
    placeholder: 'FILE',
    default: '',
    limits: 'a PEM file of certificates',
    doc: "Certificate authorities that external key managers may have beside the system's.",
    parse: optionalFile,
  },
  {
    field: 'ekmDeadlineMs',
    name: 'ekm-deadline-ms',
    placeholder: 'MS',
    default: '1000',
    limits: '50 to 4000',
    doc: 'How long a call of an external key manager may take, from connecting to its last byte.',
    parse: wholeNumber(50, 4_000),
  },
  {
    field: 'hsmQuota',
    name: 'hsm-quota',
    placeholder: 'COUNT',
    default: '500',
    limits: '0 to 1000000',
    doc: 'Uses of HSM keys a second in one project and location; 0 sets no limit.',
    parse: wholeNumber(0, 1_000_000),
  },
  {
    field: 'externalQuota',
    name: 'external-quota',
    placeholder: 'COUNT',
    default: '100',
    limits: '0 to 1000000',
    doc: 'Uses of EXTERNAL keys a second in one project and location; 0 sets no limit.',
    parse: wholeNumber(0, 1_000_000),
  },
  {
    field: 'logLevel',
    name: 'log-level',
    placeholder: 'LEVEL',
    default: 'info',
    limits: logLevels.join(', '),
    doc: 'The least severe log line that is written.',
    parse: oneOf(logLevels),
  },
  {
    field: 'drainSeconds',
    name: 'drain-seconds',
    placeholder: 'SECONDS',
    default: '10',
    limits: '0 to 600',
    doc: 'How long a stop waits for requests in flight before it closes their connections.',
    parse: wholeNumber(0, 600),
  },
  {
    field: 'suite',
    name: 'suite',
    placeholder: 'SUITE',
    default: 'auto',
    limits: suites.join(', '),
    doc: 'How new messages are sealed; auto is xchacha20-poly1305. Any suite is always opened.',
    parse: oneOf(suites),
  },
  {
    field: 'outstandingMax',
    name: 'outstanding-max',
    placeholder: 'COUNT',
    default: '100000',
    limits: '1000 to 1000000',
    doc: 'Outstanding messages of one subscription at which its delivery waits for acks.',
    parse: wholeNumber(1000, 1_000_000),
  },
  {
    field: 'openCacheBytes',
    name: 'open-cache-bytes',
    placeholder: 'BYTES',
    default: '16777216',
    limits: '0 to 1073741824',
    doc: 'Memory for opened segments that several subscriptions of a topic share.',
    parse: wholeNumber(0, 2 ** 30),
  },
  {
    field: 'metricsResourcesMax',
    name: 'metrics-resources-max',
    placeholder: 'COUNT',
    default: '1000',
    limits: '1 to 100000',
    doc: 'Topics, and subscriptions, with series of their own in /metrics; the rest is one series.',
    parse: wholeNumber(1, 100_000),
  },
  ...accessOptions,
  ...limitOptions,
  ...roleOptions,
  ...auditOptions,
  ...rootKeyOptions,
  ...vaultOptions,
];

/** SEALPOST_DATA_DIR for `data-dir`. */
export function variableOf(option: { readonly name: string }): string {
  return `SEALPOST_${option.name.toUpperCase().replaceAll('-', '_')}`;
}
