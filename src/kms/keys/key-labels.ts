import { argumentError } from '../kms-error.ts';

const labelsMax = 64;
const labelKeyPattern = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u;
const labelValuePattern = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;

/** Cloud's rules for labels. @throws RpcError INVALID_ARGUMENT */
export function requireLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels);
  if (entries.length > labelsMax) {
    throw argumentError('labels', `Request field labels must have at most ${labelsMax} entries.`);
  }
  for (const [key, value] of entries) {
    if (labelKeyPattern.test(key) && labelValuePattern.test(value)) continue;
    const rule = 'lowercase letters, digits, _ and -, at most 63 characters, a letter first';
    throw argumentError('labels', `Request field labels has an invalid entry: keys are ${rule}.`);
  }
}
