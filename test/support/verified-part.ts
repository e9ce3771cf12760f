import type { Verifiable } from '../../src/verification/index.ts';

/** What one part of a verification told. */
export interface VerifiedPart {
  readonly expected: number;
  readonly passed: number;
  readonly bytes: number;
  /** `where: problem`, each. */
  readonly damaged: readonly string[];
  readonly unread: readonly string[];
}

export async function verifiedPart(part: Verifiable): Promise<VerifiedPart> {
  const told = { expected: 0, passed: 0, bytes: 0 };
  const damaged: string[] = [];
  const unread: string[] = [];
  const sink = {
    expect: (count: number): void => void (told.expected += count),
    passed(count: number, bytes: number): void {
      told.passed += count;
      told.bytes += bytes;
    },
    damaged: (where: string, problem: string): void => void damaged.push(`${where}: ${problem}`),
    unread(count: number, where: string, reason: string): void {
      for (let i = 0; i < count; i++) unread.push(`${where}: ${reason}`);
    },
  };
  await part.verify(sink, new AbortController().signal);
  return { ...told, damaged, unread };
}
