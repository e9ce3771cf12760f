import { draw, type Entropy } from '../../runtime/index.ts';

const minuteMs = 60_000;
const hourMs = 3_600_000;

type PropagatedChange = 'keyChoice' | 'primary' | 'consistency' | 'iam' | 'delivery' | 'publish';

/**
 * How long changes of keys take to arrive in Google's service, at most, as its documentation has it
 * (Pub/Sub: message encryption; Cloud KMS: consistency). Each delay is drawn evenly below its limit.
 */
export const propagationLimitsMs: Readonly<Record<PropagatedChange, number>> = {
  /** Until another key of a topic seals what is published. */
  keyChoice: 30 * minuteMs,
  /** Until a new primary version wraps. */
  primary: 12 * hourMs,
  /** Until Cloud KMS itself acts on a change of a version's state: usually one minute. */
  consistency: minuteMs,
  /** Until a change of a policy is known everywhere: seconds to minutes. */
  iam: 2 * minuteMs,
  /** After a key can be used again, until messages are delivered. */
  delivery: 2 * hourMs,
  /** And until they can be published. */
  publish: 12 * hourMs,
};

/** Evenly from 0 up to, but without, `limitMs`. */
export function drawnDelayMs(entropy: Entropy, limitMs: number): number {
  const bytes = draw(entropy, 4);
  return (new DataView(bytes.buffer).getUint32(0) / 2 ** 32) * limitMs;
}
