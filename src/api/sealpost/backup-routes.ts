import { isAbsolute } from 'node:path';
import type { AuditCaller } from '../../audit/index.ts';
import type { BackupReport } from '../../backup/index.ts';
import { isLoopback } from '../../config/index.ts';
import { argumentError } from '../../kms/index.ts';
import { formatTimestamp, RpcError } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';
import type { RestCall, Route } from '../route.ts';
import { JsonFields } from './json-fields.ts';

const service = 'sealpost.v1.Server';
const path = '/sealpost/v1/backups';

/** Starts, watches and stops a backup of the running server. */
export interface BackupControl {
  start(directory: string, caller: AuditCaller): Promise<BackupReport>;
  report(): BackupReport;
  stop(): Promise<void>;
}

/**
 * Backups, for `sealpost backup`: over loopback alone and for no page, wherever we listen. The
 * directory is one of this machine, and the server writes to it as its own user.
 */
export function backupRoutes(backups: BackupControl): Route[] {
  return [
    {
      rpc: `${service}.Backup`,
      method: 'POST',
      template: path,
      handle: async (call) => {
        requireOperator(call);
        const directory = new JsonFields(call.json(), ['directory']).text('directory') ?? '';
        if (!isAbsolute(directory) || directory.includes('\0')) {
          const text = 'Request field directory must be the absolute path of a new directory.';
          throw argumentError('directory', text);
        }
        return view(await backups.start(directory, callerOf(call)));
      },
    },
    {
      rpc: `${service}.GetBackup`,
      method: 'GET',
      template: path,
      handle: (call) => {
        requireOperator(call);
        return view(backups.report());
      },
    },
    {
      rpc: `${service}.StopBackup`,
      method: 'POST',
      template: `${path}:stop`,
      handle: async (call) => {
        requireOperator(call);
        await backups.stop();
        return view(backups.report());
      },
    },
  ];
}

function requireOperator({ callerIp, isCrossOrigin }: RestCall): void {
  if (!isCrossOrigin && callerIp !== undefined && isLoopback(callerIp)) return;
  const text = 'A backup is for the operator of this machine: call over loopback.';
  throw new RpcError('PERMISSION_DENIED', 'BACKUP_FOR_OPERATOR', text);
}

function callerOf({ callerIp, principal, userAgent }: RestCall): AuditCaller {
  return {
    principalEmail: principal.email,
    ...(callerIp !== undefined && { callerIp }),
    ...(userAgent !== undefined && { userAgent }),
  };
}

function view(report: BackupReport): JsonValue {
  const { state, directory, startTimeMs, endTimeMs, bytes, totalBytes, error } = report;
  return {
    state,
    directory,
    startTime: formatTimestamp(startTimeMs),
    ...(endTimeMs === null ? {} : { endTime: formatTimestamp(endTimeMs) }),
    bytes: String(bytes),
    totalBytes: String(totalBytes),
    ...(error === null ? {} : { error }),
  };
}
