import type { IncomingMessage } from 'node:http';

import type { LogSeverity, ServiceLogEntry } from '../logs/service-logs.ts';
import type { RevisionName } from '../services/service.ts';

/** What is known of a request when it is over. */
export interface RequestOutcome {
  readonly revision: RevisionName;
  readonly instanceId: string | undefined;
  readonly status: number;
  readonly startedWallMs: number;
  readonly tookMs: number;
  /** Of the bodies. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** The entry of the `requests` log; sizes are texts, as JSON writes an int64. */
export function requestEntry(request: IncomingMessage, outcome: RequestOutcome): ServiceLogEntry {
  const { headers, method, url, httpVersion, socket } = request;
  const { revision, instanceId, status, startedWallMs } = outcome;
  const scheme = 'encrypted' in socket ? 'https' : 'http';
  const agent = headers['user-agent'];
  const referer = headers.referer;
  return {
    log: 'requests',
    severity: severityOf(status),
    revision,
    ...(instanceId !== undefined && { instanceId }),
    timeMs: startedWallMs,
    httpRequest: {
      requestMethod: method ?? '',
      requestUrl: `${scheme}://${headers.host ?? ''}${url ?? ''}`,
      requestSize: String(outcome.requestBytes),
      status,
      responseSize: String(outcome.responseBytes),
      ...(agent !== undefined && { userAgent: agent }),
      remoteIp: socket.remoteAddress?.replace(/^::ffff:/, '') ?? '',
      ...(referer !== undefined && { referer }),
      latency: `${(outcome.tookMs / 1000).toFixed(9)}s`,
      protocol: `HTTP/${httpVersion}`,
    },
  };
}

function severityOf(status: number): LogSeverity {
  if (status >= 500) return 'ERROR';
  return status >= 400 ? 'WARNING' : 'INFO';
}
