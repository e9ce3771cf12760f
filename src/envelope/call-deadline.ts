import { RpcError } from '../rpc/index.ts';
import type { Clock } from '../runtime/index.ts';

/** A call of the key service that takes longer counts as DEADLINE_EXCEEDED. */
export const callDeadlineMs = 5_000;

/** `answer`, or DEADLINE_EXCEEDED in its place; `onLate` gets what comes after that. */
export function withCallDeadline<Answer>(
  clock: Clock,
  answer: Promise<Answer>,
  onLate: (answer: Answer) => void,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const cancel = clock.schedule(clock.monotonicMs() + callDeadlineMs, () => {
      isLate = true;
      reject(new RpcError('DEADLINE_EXCEEDED', 'KMS_DEADLINE', 'The key service did not answer.'));
    });
    const settle = (finish: () => void): void => {
      cancel();
      finish();
    };
    answer.then(
      (value) => (isLate ? onLate(value) : settle(() => resolve(value))),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
