import type { Clock, Logger } from '../../runtime/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { LayerKey, LayerKeyPlace, LayerKeys } from '../../envelope/index.ts';
import type { ImageVault, OpenedTree, StoredImage } from '../images/image-vault.ts';
import type { KeyPlace, KeyWatch } from '../keys/key-state.ts';
import type { ServiceLogs } from '../logs/service-logs.ts';
import { type Revision, serviceNameOf } from '../services/service.ts';
import { becomesHealthy } from './health.ts';
import { commandOf } from './instance-command.ts';
import type { InstanceDriver, InstanceSpec, RunningInstance } from './instance-driver.ts';
import { startTimedOut } from './instance-messages.ts';
import type { StartOutcome, StartTimes } from './instances.ts';
import { keyRefusal } from './key-refusal.ts';
import { cpuMillisOf, defaultCpu, defaultMemory, memoryBytesOf } from './resource-quantity.ts';

export interface StartParts {
  readonly driver: InstanceDriver;
  readonly images: ImageVault;
  readonly keys: LayerKeys;
  readonly watch: KeyWatch;
  readonly logs: ServiceLogs;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What one start works on. */
export interface StartPlace {
  readonly id: string;
  readonly revision: Revision;
  readonly idOffset: number | null;
  /** Makes the folder for the tree, and accounts for the instance; after its key was unwrapped. */
  readonly begin: () => Promise<{ root: string; bytesMax: number }>;
  /** Told as soon as there is something that must be ended. */
  readonly onRunning: (running: RunningInstance) => AbortSignal;
  readonly pidsMax: number;
  readonly signal: AbortSignal;
}

export interface Started {
  readonly running: RunningInstance;
  readonly times: StartTimes;
  readonly bytes: number;
}

/** A start that did not succeed: how that is counted, and what callers are told. */
export class StartFailure extends Error {
  readonly outcome: StartOutcome;
  readonly error: RpcError;

  constructor(outcome: StartOutcome, error: RpcError) {
    super(error.message, { cause: error });
    this.outcome = outcome;
    this.error = error;
  }
}

/** Whose key it is; null for a service without a key of its own. */
export function keyPlaceOf({ name, settings }: Revision): KeyPlace | null {
  if (settings.encryption === null) return null;
  return { project: name.project, key: settings.encryption.key };
}

/**
 * State of the key, one unwrap, tree, process, probe, state of the key again. Throws StartFailure;
 * what runs by then is for the caller to end.
 */
export async function startInstance(parts: StartParts, place: StartPlace): Promise<Started> {
  const { revision } = place;
  await checkKey(parts, revision, 'key_refused');
  const image = await imageOf(parts, revision);
  const { key, unwrapMs } = await unwrap(parts, image.owner, place);
  const tree = await open(parts, image, key, place);
  const startMs = parts.clock.monotonicMs();
  const running = await run(parts, place, tree);
  await checkKey(parts, revision, 'revoked_meanwhile');
  const { openMs, applyMs, bytes } = tree;
  const probeMs = parts.clock.monotonicMs() - startMs;
  return { running, times: { unwrapMs, openMs, applyMs, probeMs }, bytes };
}

async function checkKey(
  { watch }: StartParts,
  revision: Revision,
  outcome: 'key_refused' | 'revoked_meanwhile',
): Promise<void> {
  const place = keyPlaceOf(revision);
  if (place === null) return;
  const state = await attempt(outcome, () => watch.state(place));
  if (state.condition !== 'ENABLED') throw new StartFailure(outcome, keyRefusal(state));
}

async function imageOf({ images }: StartParts, revision: Revision): Promise<StoredImage> {
  const { name, serviceUid, settings, imageDigest } = revision;
  const owner: LayerKeyPlace = {
    project: name.project,
    serviceUid,
    serviceName: serviceNameOf(name),
    key: settings.encryption?.key ?? null,
  };
  const image = imageDigest && (await attempt('failed', () => images.get(owner, imageDigest)));
  if (image) return image;
  const message = `The image of revision ${name.revisionId} is not in the vault.`;
  throw new StartFailure(
    'failed',
    new RpcError('FAILED_PRECONDITION', 'IMAGE_NOT_IMPORTED', message),
  );
}

/** The one use of the key; how it went is told to whoever watches it. */
async function unwrap(
  { keys, watch, clock }: StartParts,
  owner: LayerKeyPlace,
  { revision, signal }: StartPlace,
): Promise<{ key: LayerKey; unwrapMs: number }> {
  const place = keyPlaceOf(revision);
  const startMs = clock.monotonicMs();
  throwIfCancelled(signal);
  try {
    const key = await keys.forStart(owner);
    if (place !== null) watch.report(place, null);
    return { key, unwrapMs: clock.monotonicMs() - startMs };
  } catch (error) {
    throw await unwrapFailure(watch, place, error);
  }
}

/** In the seed's words if it was about the key. */
async function unwrapFailure(
  watch: KeyWatch,
  place: KeyPlace | null,
  thrown: unknown,
): Promise<StartFailure> {
  const error = RpcError.from(thrown);
  if (place === null) return new StartFailure('key_refused', error);
  watch.report(place, thrown);
  const state = await watch.state(place);
  if (state.condition !== 'ENABLED') return new StartFailure('key_refused', keyRefusal(state));
  const isDamaged = error.code === 'DATA_LOSS';
  return new StartFailure(isDamaged ? 'damaged' : 'key_refused', error);
}

/** The key is the image vault's from here on; if it does not come so far, it is wiped. */
async function open(
  { images }: StartParts,
  image: StoredImage,
  key: LayerKey,
  { idOffset, begin, signal }: StartPlace,
): Promise<OpenedTree> {
  return attempt('failed', async () => {
    let request;
    try {
      throwIfCancelled(signal);
      request = { ...(await begin()), idOffset };
    } catch (error) {
      key.wipe();
      throw error;
    }
    return images.openTree(image, key, request, signal);
  });
}

async function run(
  parts: StartParts,
  place: StartPlace,
  tree: OpenedTree,
): Promise<RunningInstance> {
  const { revision } = place;
  const { container } = revision.template;
  const spec = await attempt('failed', async () => specOf(parts, place, tree));
  throwIfCancelled(place.signal);
  const running = await attempt('failed', () => parts.driver.start(spec));
  const signal = place.onRunning(running);
  const { clock, logs } = parts;
  const say = (severity: 'INFO' | 'ERROR', text: string): void => {
    const entry = { revision: revision.name, instanceId: place.id, timeMs: clock.wallMs() };
    logs.append({ log: 'varlog/system', severity, text, ...entry });
  };
  const isHealthy = await becomesHealthy({ container, running, clock, say, signal });
  throwIfCancelled(place.signal);
  if (!isHealthy) throw unhealthy(revision);
  return running;
}

/** For one that ended, or did not answer in time. */
export function unhealthy({ template }: Revision): StartFailure {
  const message = startTimedOut(template.container.port);
  const error = new RpcError('FAILED_PRECONDITION', 'CONTAINER_UNHEALTHY', message);
  return new StartFailure('unhealthy', error);
}

function specOf(
  { clock, logs }: StartParts,
  { id, revision, idOffset, pidsMax }: StartPlace,
  { root, config }: OpenedTree,
): InstanceSpec {
  const { container } = revision.template;
  const probes = [container.startupProbe, container.livenessProbe];
  const probePorts = probes.flatMap((probe) => probe?.http?.port ?? probe?.tcpPort ?? []);
  const limits = {
    memoryBytes: memoryBytesOf(container.limits['memory'] ?? defaultMemory),
    cpuMillis: cpuMillisOf(container.limits['cpu'] ?? defaultCpu),
    pids: pidsMax,
  };
  return {
    id,
    root,
    idOffset,
    limits,
    probePorts,
    hostname: 'localhost',
    port: container.port,
    ...commandOf(revision, config, root),
    onLine: (stream, text) => {
      const entry = { revision: revision.name, instanceId: id, timeMs: clock.wallMs() };
      logs.append({ log: stream, severity: 'DEFAULT', text, ...entry });
    },
  };
}

/** @throws StartFailure if it was given up */
export function throwIfCancelled(signal: AbortSignal): void {
  if (!signal.aborted) return;
  const why = typeof signal.reason === 'string' ? signal.reason : 'cancelled';
  const message = `The start of an instance was given up: ${why}.`;
  throw new StartFailure('failed', new RpcError('CANCELLED', 'START_CANCELLED', message));
}

const outcomesByCode: ReadonlyMap<string, StartOutcome> = new Map([
  ['DATA_LOSS', 'damaged'],
  ['RESOURCE_EXHAUSTED', 'no_memory'],
]);

/** What a step throws is counted by what it says, if `outcome` says nothing. */
async function attempt<Result>(
  outcome: StartOutcome,
  step: () => Promise<Result> | Result,
): Promise<Result> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof StartFailure) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
      throw new StartFailure('no_memory', noMemory(error));
    }
    const known = RpcError.from(error);
    const told = outcome === 'failed' ? outcomesByCode.get(known.code) : undefined;
    throw new StartFailure(told ?? outcome, known);
  }
}

function noMemory(cause: unknown): RpcError {
  const message = 'There is not enough memory to open the image.';
  return new RpcError('RESOURCE_EXHAUSTED', 'VAULT_MEMORY', message, { cause });
}
