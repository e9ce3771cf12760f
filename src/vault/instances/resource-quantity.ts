import { RpcError } from '../../rpc/index.ts';

const suffixes: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** What Cloud Run gives who asks for nothing. */
export const defaultMemory = '512Mi';
export const defaultCpu = '1';

/**
 * Bytes of a Kubernetes quantity: `512Mi`, `1Gi`, `1.5G`, `536870912`.
 *
 * @throws RpcError INVALID_ARGUMENT for what is none, or not above 0
 */
export function memoryBytesOf(quantity: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)([kMGT]|[KMGT]i)?$/.exec(quantity);
  const bytes = match && Math.floor(Number(match[1]) * suffixes[match[2] ?? '']!);
  if (!bytes || !Number.isSafeInteger(bytes)) throw invalid('memory', quantity);
  return bytes;
}

/** Thousandths of a processor: `1`, `0.5`, `500m`. Throws as `memoryBytesOf`. */
export function cpuMillisOf(quantity: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(m)?$/.exec(quantity);
  const millis = match && Math.round(Number(match[1]) * (match[2] ? 1 : 1000));
  if (!millis || millis > 1e6) throw invalid('cpu', quantity);
  return millis;
}

/** `512 MiB`, as Cloud Run's messages write it. */
export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

function invalid(resource: string, quantity: string): RpcError {
  return new RpcError(
    'INVALID_ARGUMENT',
    'INVALID_ARGUMENT',
    `spec.template.spec.containers[0].resources.limits.${resource}: ${JSON.stringify(quantity)} is no quantity`,
  );
}
