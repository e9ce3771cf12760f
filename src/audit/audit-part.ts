import type { AuditLog } from './audit-log.ts';
import { findingPlace, findingProblem } from './chain/finding.ts';

/** What a verification of everything that is stored asks of one part of it. */
export interface AuditPart {
  readonly part: string;
  verify(
    sink: {
      expect(count: number): void;
      passed(count: number, bytes: number): void;
      damaged(where: string, problem: string): void;
    },
    signal: AbortSignal,
  ): Promise<void>;
}

/** The audit log as one part of what is stored. */
export function auditPart(log: Pick<AuditLog, 'verify'>): AuditPart {
  return {
    part: 'audit',
    verify: async (sink, signal) => {
      const check = {
        expect: (count: number): void => sink.expect(count),
        passed: (count: number, bytes: number): void => sink.passed(count, bytes),
        found: (finding: Parameters<typeof findingPlace>[0]): void =>
          sink.damaged(findingPlace(finding), findingProblem(finding)),
      };
      await log.verify(check, signal);
    },
  };
}
