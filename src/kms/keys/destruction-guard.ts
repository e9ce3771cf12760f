import { formatTimestamp, RpcError } from '../../rpc/index.ts';
import type { DestructionGuard, VersionDependents } from '../key-administration.ts';
import type { KmsContext } from '../kms-context.ts';

/** The label by which a key's owner allows the destruction of versions that are in use. */
const allowLabel = 'sealpost-destroy-in-use';
const namesShown = 10;

/** Several that know of dependents, asked as one: broker and vault here, and those that watch from afar. */
export class DestructionGuards implements DestructionGuard {
  readonly #guards: DestructionGuard[] = [];

  add(guard: DestructionGuard): void {
    this.#guards.push(guard);
  }

  async dependentsOf(versionName: string): Promise<VersionDependents> {
    const found = await Promise.all(this.#guards.map((guard) => guard.dependentsOf(versionName)));
    return found.reduce(sumOf, noDependents);
  }
}

/** The earliest that there can be, which any other is later than. */
const noDependents: VersionDependents = {
  dekCount: 0,
  messageCount: 0,
  byteCount: 0,
  topics: [],
  latestExpiryMs: 0,
};

function sumOf(a: VersionDependents, b: VersionDependents): VersionDependents {
  return {
    dekCount: a.dekCount + b.dekCount,
    messageCount: a.messageCount + b.messageCount,
    byteCount: a.byteCount + b.byteCount,
    topics: [...new Set([...a.topics, ...b.topics])],
    services: [...new Set([...(a.services ?? []), ...(b.services ?? [])])],
    latestExpiryMs: laterOf(a.latestExpiryMs, b.dekCount === 0 ? 0 : b.latestExpiryMs),
  };
}

/** Null is without a bound, hence later than any. */
function laterOf(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}

/**
 * Refuses the destruction of a version on which stored messages or images depend, unless it is forced or the
 * key's labels allow it.
 *
 * @throws RpcError FAILED_PRECONDITION with counts, topics and the latest expiry
 */
export async function requireUnused(
  { guard }: KmsContext,
  name: string,
  labels: Readonly<Record<string, string>>,
  isForced: boolean,
): Promise<void> {
  if (guard === null || isForced || labels[allowLabel] === 'allow') return;
  const dependents = await guard.dependentsOf(name);
  if (dependents.dekCount > 0) throw inUseError(name, dependents);
}

function inUseError(name: string, dependents: VersionDependents): RpcError {
  const description = sentenceOf(dependents);
  return new RpcError(
    'FAILED_PRECONDITION',
    'KEY_VERSION_IN_USE',
    `${name} is in use: ${description} Destroy it with x-sealpost-force-destroy: true, or give its ` +
      `key the label ${allowLabel}=allow, to lose them.`,
    {
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
          violations: [{ type: 'KEY_VERSION_IN_USE', subject: name, description }],
        },
      ],
    },
  );
}

function sentenceOf(dependents: VersionDependents): string {
  const { dekCount, messageCount, byteCount, topics, latestExpiryMs } = dependents;
  const { services = [] } = dependents;
  const messages = `${counted(messageCount, 'message')} and ${counted(byteCount, 'byte')}`;
  const parts = [
    counted(dekCount, 'data encryption key'),
    ...(topics.length > 0 || messageCount > 0
      ? [`${messages} of ${counted(topics.length, 'topic')}${named(topics)}`]
      : []),
    ...(services.length > 0
      ? [`images of ${counted(services.length, 'service')}${named(services)}`]
      : []),
  ];
  const until =
    latestExpiryMs === null ? 'without a bound' : `until ${formatTimestamp(latestExpiryMs)}`;
  return `${parts.join(', ')} need it, ${until}.`;
}

function named(names: readonly string[]): string {
  const more = names.length > namesShown ? ` and ${names.length - namesShown} more` : '';
  return ` (${names.slice(0, namesShown).join(', ')}${more})`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
