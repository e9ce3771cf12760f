import { Refusal } from '../connection/refusal.ts';
import { shortKey } from '../connection/resource-names.ts';
import type { RestApi } from '../connection/rest-api.ts';
import { counted, roughly } from '../output/plain-text.ts';
import { remedyOf } from './remedies.ts';

export type Severity = 'error' | 'warning' | 'info';

/** What is found, in the words of the server. */
export interface Finding {
  readonly severity: Severity;
  readonly reason: string;
  readonly message: string;
}

/** The answer of `:diagnose`, of a topic or of a subscription (docs/cli.md). */
export interface Diagnosis {
  readonly topic: string;
  readonly subscription?: string;
  readonly subscriptionCount?: number;
  readonly unackedCount?: number;
  /** Absent as well where the disk cannot tell. */
  readonly oldestUnackedAgeSeconds?: number;
  readonly outstandingCount?: number;
  readonly streamCount?: number;
  readonly heldStreamCount?: number;
  /** Of the topic; absent once a subscription is detached. */
  readonly key?: {
    readonly name: string;
    readonly isUsable: boolean;
    /** The key service's word and sentence, if it cannot be used. */
    readonly reason?: string;
    readonly message?: string;
  };
  readonly push?: {
    readonly endpoint: string;
    readonly outstandingCount: number;
    readonly window: number;
    readonly backoffMs: number;
  };
  readonly findings: readonly Finding[];
}

/** Asks the server about a topic or subscription; undefined if it does not exist. */
export async function diagnose(api: RestApi, name: string): Promise<Diagnosis | undefined> {
  try {
    return (await api.get(`sealpost/v1/${name}:diagnose`)) as unknown as Diagnosis;
  } catch (error) {
    if (error instanceof Refusal && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

const ranks: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** The rank of the worst finding; 3 without any. */
export function rankOf({ findings }: Pick<Diagnosis, 'findings'>): number {
  return Math.min(3, ...findings.map(({ severity }) => ranks[severity]));
}

/** The name, the facts and the findings, the worst first. */
export function diagnosisLines(diagnosis: Diagnosis): string[] {
  const findings = diagnosis.findings.toSorted(
    (one, other) => ranks[one.severity] - ranks[other.severity],
  );
  return [
    diagnosis.subscription ?? diagnosis.topic,
    `  ${factsOf(diagnosis).join('; ')}.`,
    ...findings.flatMap((finding) => {
      const remedy = remedyOf(finding, diagnosis);
      return [findingLine(finding), ...(remedy === undefined ? [] : [`           Try: ${remedy}`])];
    }),
  ];
}

/** `  error    KEY_DISABLED: …`. */
export function findingLine({ severity, reason, message }: Finding): string {
  return `  ${severity.padEnd(8)} ${reason}: ${message}`;
}

function factsOf(diagnosis: Diagnosis): string[] {
  const { key, findings } = diagnosis;
  if (key === undefined) return ['detached from its topic'];
  const isPartly = findings.some(({ reason }) => reason === 'KEY_UNUSABLE');
  const works = isPartly ? 'works for what is new alone' : 'works';
  const keyFact = `key ${keyName(key.name)} ${key.isUsable ? works : 'cannot be used'}`;
  if (diagnosis.subscription === undefined) {
    return [keyFact, counted(diagnosis.subscriptionCount ?? 0, 'subscription')];
  }
  return [keyFact, ...backlogFacts(diagnosis), ...readerFacts(diagnosis)];
}

/** A topic without a key of its own is sealed under one of the service's. */
const keyName = (name: string): string =>
  name.startsWith('projects/sealpost-internal/') ? 'of the service' : shortKey(name);

const lasting = (ms: number): string => (ms < 1000 ? 'under a second' : roughly(ms));

function backlogFacts(diagnosis: Diagnosis): string[] {
  const { unackedCount = 0, oldestUnackedAgeSeconds, outstandingCount = 0 } = diagnosis;
  if (unackedCount === 0) return ['nothing waits'];
  const age =
    oldestUnackedAgeSeconds === undefined
      ? 'a time that the disk does not tell'
      : lasting(oldestUnackedAgeSeconds * 1000);
  return [
    `${counted(unackedCount, 'message')} not acknowledged, the oldest for ${age}`,
    `${counted(outstandingCount, 'message')} out with subscribers`,
  ];
}

function readerFacts({ push, streamCount = 0, heldStreamCount = 0 }: Diagnosis): string[] {
  if (push === undefined) {
    const held = heldStreamCount > 0 ? `, ${heldStreamCount} of them at their limit` : '';
    return [`${counted(streamCount, 'open stream')}${held}`];
  }
  const { endpoint, outstandingCount, window, backoffMs } = push;
  const pausing = backoffMs > 0 ? `, pausing ${lasting(backoffMs)} after failures` : '';
  return [`pushed to ${endpoint}, ${outstandingCount} of ${window} requests under way${pausing}`];
}
