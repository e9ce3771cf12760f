import type { RewrapProgress, TopicUse, VersionUse } from '../../broker/index.ts';
import { formatTimestamp, RpcError } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';
import type { RestCall, Route } from '../route.ts';

const service = 'sealpost.v1.KeyUse';
const key = 'projects/*/locations/*/keyRings/*/cryptoKeys/*';

/** What depends on a version: messages, and images of Cloud Run services. */
export interface KeyVersionUse extends VersionUse {
  /** Full names of services whose images the version's DEKs open. */
  readonly services?: readonly string[];
}

/** What a server says of the keys that its DEKs depend on, and its broker does about it. */
export interface KeyUseSource {
  keyUse(name: string): Promise<readonly KeyVersionUse[]>;
  startRewrap(
    keyName: string,
    options: { readonly from?: string; readonly to?: string },
  ): Promise<RewrapProgress>;
  rewrapProgress(keyName: string): RewrapProgress;
}

/** Throws RpcError NOT_FOUND for a CryptoKey, or a version, that is known not to exist. */
export type RequireKey = (name: string) => Promise<void>;

/**
 * What depends on a key, as `sealpost keys usage` shows it, and the rewraps of `sealpost keys
 * rewrap`. A rewrap goes on in the server; GET tells how far it is.
 * What is stored under a key is told even of one that is gone.
 */
export function keyUseRoutes(broker: KeyUseSource, requireKey: RequireKey): Route[] {
  const use = async ({ params }: RestCall): Promise<JsonValue> => {
    const name = params['name']!;
    const versions = await broker.keyUse(name);
    if (!versions.some(isDependedOn)) await requireKey(name);
    return { name, versions: versions.map(versionView) };
  };
  const startRewrap = async (call: RestCall): Promise<JsonValue> => {
    const name = call.params['name']!;
    const options = optionsOf(call);
    await requireKey(options.from ?? name);
    if (options.to !== undefined) await requireKey(options.to);
    return progressView(await broker.startRewrap(name, options));
  };
  return [
    {
      rpc: `${service}.GetKeyUse`,
      method: 'GET',
      template: `/sealpost/v1/{name=${key}}:use`,
      handle: use,
    },
    {
      rpc: `${service}.GetKeyVersionUse`,
      method: 'GET',
      template: `/sealpost/v1/{name=${key}/cryptoKeyVersions/*}:use`,
      handle: use,
    },
    {
      rpc: `${service}.StartRewrap`,
      method: 'POST',
      template: `/sealpost/v1/{name=${key}}:rewrap`,
      handle: startRewrap,
    },
    {
      rpc: `${service}.GetRewrap`,
      method: 'GET',
      template: `/sealpost/v1/{name=${key}}:rewrap`,
      handle: ({ params }) => progressView(broker.rewrapProgress(params['name']!)),
    },
  ];
}

const isDependedOn = ({ dekCount, spareDekCount }: VersionUse): boolean =>
  dekCount + spareDekCount > 0;

function optionsOf(call: RestCall): { readonly from?: string; readonly to?: string } {
  const body = call.json();
  const unknown = Object.keys(body).find((field) => field !== 'from' && field !== 'to');
  if (unknown !== undefined) throw invalid(`Unknown name "${unknown}": Cannot find field.`);
  const from = textOf(body['from'], 'from');
  const to = textOf(body['to'], 'to');
  if (to !== undefined && !keyPattern.test(to)) throw invalid(`"${to}" is not a CryptoKey.`);
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

const keyPattern = new RegExp(`^${key.replaceAll('*', '[^/]+')}$`);

function textOf(value: JsonValue | undefined, field: string): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw invalid(`The field ${field} is not a string.`);
}

const invalid = (text: string): RpcError =>
  new RpcError('INVALID_ARGUMENT', 'REWRAP_INVALID', text);

function versionView({ name, topics, services, ...use }: KeyVersionUse): JsonValue {
  const views = topics.map(({ topic, ...of }) => ({ topic, ...countsView(of) }));
  const images = services === undefined ? {} : { services: [...services] };
  return { name, ...countsView(use), topics: views, ...images };
}

function countsView(use: Omit<TopicUse, 'topic'>): { [name: string]: JsonValue } {
  const { dekCount, spareDekCount, messageCount, byteCount, latestExpiryMs } = use;
  return {
    dekCount,
    spareDekCount,
    messageCount,
    byteCount,
    ...(latestExpiryMs === null ? {} : { latestExpiryTime: formatTimestamp(latestExpiryMs) }),
  };
}

function progressView({ startTimeMs, error, topics, ...rest }: RewrapProgress): JsonValue {
  return {
    ...rest,
    startTime: formatTimestamp(startTimeMs),
    ...(error === null ? {} : { error: { ...error } }),
    topics: topics.map((topic) => ({ ...topic })),
  };
}
