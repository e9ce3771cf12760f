/**
 * verification: authenticates every stored byte, part by part, and reports what it found.
 *
 * Knows nothing of what the parts are; each folder that stores something is one of them.
 */
export type { Verifiable, VerificationSink } from './verifiable.ts';
export {
  type PartReport,
  Verification,
  type VerificationFinding,
  type VerificationReport,
} from './verification.ts';
