import type { VerificationReport } from '../../verification/index.ts';
import { formatTimestamp } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';
import type { Route } from '../route.ts';

const service = 'sealpost.v1.Verification';
const path = '/sealpost/v1/verification';

/** Starts, watches and stops a verification. Its report holds names and numbers, no message. */
export interface VerificationControl {
  start(): VerificationReport;
  report(): VerificationReport;
  stop(): Promise<void>;
}

/** Authenticates everything that is stored, as `sealpost verify` asks for: one run at a time. */
export function verificationRoutes(verification: VerificationControl): Route[] {
  return [
    {
      rpc: `${service}.Start`,
      method: 'POST',
      template: `${path}:start`,
      handle: () => reportView(verification.start()),
    },
    {
      rpc: `${service}.Get`,
      method: 'GET',
      template: path,
      handle: () => reportView(verification.report()),
    },
    {
      rpc: `${service}.Stop`,
      method: 'POST',
      template: `${path}:stop`,
      handle: async () => {
        await verification.stop();
        return reportView(verification.report());
      },
    },
  ];
}

/** A report as JSON. */
export function reportView(report: VerificationReport): JsonValue {
  const { state, startTimeMs, endTimeMs, parts, findings, error } = report;
  return {
    state,
    startTime: formatTimestamp(startTimeMs),
    ...(endTimeMs === null ? {} : { endTime: formatTimestamp(endTimeMs) }),
    ...(error === null ? {} : { error }),
    parts: parts.map((part) => ({ ...part })),
    findings: findings.map((finding) => ({ ...finding })),
  };
}
