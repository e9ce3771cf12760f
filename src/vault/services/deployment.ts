import { backoffMs, type Clock, type Logger, pause } from '../../runtime/index.ts';
import { RpcError, type StatusCode } from '../../rpc/index.ts';
import type { ImageVault, ImportProgress } from '../images/image-vault.ts';
import type { Instances } from '../instances/instances.ts';
import type { KeyState, KeyWatch } from '../keys/key-state.ts';
import { type DeployFault, type DeployTimes, type Fault, keyFault } from './conditions.ts';
import type { Gate } from './lanes.ts';
import { placeOf } from './registrations.ts';
import { type Revision, revisionNameOf, serviceNameOf } from './service.ts';

/** How a deployment ended. */
export type DeployOutcome =
  | { readonly kind: 'ready'; readonly times: DeployTimes }
  | { readonly kind: 'failed'; readonly fault: DeployFault }
  /** Told to, and nothing may be recorded. */
  | { readonly kind: 'ended' };

export interface DeploymentOptions {
  readonly watch: Pick<KeyWatch, 'check'>;
  readonly images: Pick<ImageVault, 'import'>;
  readonly instances: Pick<Instances, 'start'>;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a key, a registry or a key manager that is away is waited for. */
  readonly patienceMs: number;
  readonly progress: (event: ImportProgress) => void;
  /** Something that the owner should read. */
  readonly note: (severity: 'INFO' | 'WARNING', text: string) => void;
  /** Records the digest; the revision as it is then, or null if it is no longer wanted. */
  readonly imported: (digest: string, importMs: number) => Promise<Revision | null>;
}

type Attempt = DeployOutcome | { readonly kind: 'wait'; readonly fault: DeployFault };

const retryBounds = { first: 1_000, longest: 15_000 };

/** Codes that another import may not meet. A start has waited for its container already. */
const passing: ReadonlySet<StatusCode> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'ABORTED']);

/** Codes of a start that say nothing about the container's health. */
const resourceCodes: ReadonlySet<StatusCode> = new Set([
  'DATA_LOSS',
  'INTERNAL',
  'NOT_FOUND',
  'RESOURCE_EXHAUSTED',
  'UNAVAILABLE',
]);

/**
 * One revision on its way: key check, import, a start as health check. Tries again what may pass,
 * for a bounded time. Writes nothing itself; safe to begin again after a crash.
 */
export class Deployment {
  readonly #revision: Revision;
  readonly #options: DeploymentOptions;
  readonly #signal: AbortSignal;
  readonly #startedMs: number;

  constructor(revision: Revision, options: DeploymentOptions, signal: AbortSignal) {
    this.#revision = revision;
    this.#options = options;
    this.#signal = signal;
    this.#startedMs = options.clock.monotonicMs();
  }

  async run(): Promise<DeployOutcome> {
    const { clock, note, patienceMs } = this.#options;
    let said = '';
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt();
      if (this.#signal.aborted) return { kind: 'ended' };
      if (outcome.kind !== 'wait') return outcome;
      const { fault } = outcome;
      const waitMs = backoffMs(retryBounds, attempt);
      if (this.#elapsedMs() + waitMs > patienceMs) return { kind: 'failed', fault };
      if (fault.message !== said) note('WARNING', `Deployment waits: ${fault.message}`);
      said = fault.message;
      await pause(clock, waitMs, this.#signal);
      if (this.#signal.aborted) return { kind: 'ended' };
    }
  }

  async #attempt(): Promise<Attempt> {
    const refused = await this.#keyOutcome();
    if (refused !== null) return refused;
    const begunMs = this.#options.clock.monotonicMs();
    let digest: string;
    try {
      digest = await this.#import();
    } catch (error) {
      return this.#blamed(error, imageFault);
    }
    const importMs = this.#options.clock.monotonicMs() - begunMs;
    const revision = await this.#options.imported(digest, importMs);
    if (revision === null || this.#signal.aborted) return { kind: 'ended' };
    return this.#start(revision, importMs);
  }

  async #import(): Promise<string> {
    const { name, serviceUid, settings, template } = this.#revision;
    const owner = {
      project: name.project,
      serviceUid,
      serviceName: serviceNameOf(name),
      key: settings.encryption?.key ?? null,
    };
    const { images, gate, progress } = this.#options;
    const { image } = template.container;
    return gate.run(async () => {
      if (this.#signal.aborted) throw new RpcError('CANCELLED', 'DRAINING', 'No longer wanted.');
      return (await images.import(owner, image, progress, this.#signal)).digest;
    });
  }

  async #start(revision: Revision, importMs: number): Promise<Attempt> {
    const { clock, gate, instances } = this.#options;
    let begunMs = clock.monotonicMs();
    try {
      await gate.run(async () => {
        begunMs = clock.monotonicMs();
        return instances.start(revision, this.#signal);
      });
    } catch (error) {
      return this.#blamed(error, startFault);
    }
    const startMs = clock.monotonicMs() - begunMs;
    return { kind: 'ready', times: { importMs, startMs, totalMs: this.#elapsedMs() } };
  }

  /** Whatever failed: if the key is not good, that is why, and its message is the seed's. */
  async #blamed(
    error: unknown,
    faultOf: (error: RpcError, revisionId: string) => DeployFault,
  ): Promise<Attempt> {
    if (this.#signal.aborted) return { kind: 'ended' };
    const refused = await this.#keyOutcome();
    if (refused !== null) return refused;
    const known = RpcError.from(error);
    const { name } = this.#revision;
    this.#options.log.warn({ err: error, revision: revisionNameOf(name) }, 'a deployment failed');
    const fault = faultOf(known, name.revisionId);
    const mayPass = fault.type === 'ContainerReady' && passing.has(known.code);
    return { kind: mayPass ? 'wait' : 'failed', fault };
  }

  async #keyOutcome(): Promise<Attempt | null> {
    const place = placeOf(this.#revision);
    if (place === null) return null;
    let state: KeyState;
    try {
      state = await this.#options.watch.check(place);
    } catch (error) {
      const { message } = RpcError.from(error);
      return { kind: 'wait', fault: encryptionFault({ reason: checkFailed, message }) };
    }
    const fault = keyFault(state);
    if (fault === null) return null;
    const kind = state.condition === 'REVOKED' ? 'failed' : 'wait';
    return { kind, fault: encryptionFault(fault) };
  }

  #elapsedMs(): number {
    return this.#options.clock.monotonicMs() - this.#startedMs;
  }
}

const checkFailed = 'EncryptionKeyCheckFailed';

/** The service says of a key what the revision says, and nothing else. */
function encryptionFault(fault: Fault): DeployFault {
  return { ...fault, type: 'ResourcesAvailable', serviceMessage: fault.message };
}

function imageFault({ code, message }: RpcError, revisionId: string): DeployFault {
  const isDenied = code === 'PERMISSION_DENIED' || code === 'UNAUTHENTICATED';
  const reason = isDenied ? 'ContainerPermissionDenied' : 'ContainerMissing';
  const isMissing = isDenied || code === 'NOT_FOUND';
  const text = isMissing ? message : `Container import failed: ${message}`;
  return revisionFault('ContainerReady', reason, text, revisionId);
}

function startFault({ code, message }: RpcError, revisionId: string): DeployFault {
  if (resourceCodes.has(code)) {
    return revisionFault('ResourcesAvailable', 'Internal', message, revisionId);
  }
  return revisionFault('ContainerHealthy', 'HealthCheckContainerError', message, revisionId);
}

function revisionFault(
  type: DeployFault['type'],
  reason: string,
  message: string,
  revisionId: string,
): DeployFault {
  const prefix = `Revision '${revisionId}' is not ready and cannot serve traffic.`;
  return { type, reason, message, serviceMessage: `${prefix} ${message}` };
}
