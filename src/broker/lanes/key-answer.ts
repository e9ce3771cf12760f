import type { Clock } from '../../runtime/index.ts';
import type { TopicKey } from './topic-key.ts';
import type { KeyHealth } from '../service.ts';

/** Who asks why nothing moves is not kept waiting by the very thing that does not answer. */
const patienceMs = 5_000;

/** A key, and how to ask for its health. */
type AskedKey = Pick<TopicKey, 'name' | 'health'>;

/** The health of a topic's key; of one that does not answer in time, that. */
export async function keyAnswer(key: AskedKey, clock: Clock): Promise<KeyHealth> {
  const { promise, resolve, reject } = Promise.withResolvers<KeyHealth>();
  const cancel = clock.schedule(clock.monotonicMs() + patienceMs, () => resolve(noAnswer(key)));
  key.health().then(resolve, reject);
  try {
    return await promise;
  } finally {
    cancel();
  }
}

function noAnswer({ name }: AskedKey): KeyHealth {
  const message = `The key service has not answered for ${patienceMs / 1_000} seconds.`;
  return { name, isUsable: false, reason: 'KMS_UNREACHABLE', message };
}
