import type { Environment } from './environment.ts';
import { SealpostError } from './sealpost-error.ts';
import type { Status } from './status.ts';

/** Answers that another attempt does not change. */
const statuses: Readonly<Record<number, Status>> = {
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
};

/**
 * Why a server refuses to open a WebSocket, if it says so in HTTP and means it. Undefined where it
 * cannot be known: nobody answers, or a browser does not let a page read it.
 */
export async function refusalOf(
  webSocketUrl: string,
  environment: Environment,
): Promise<SealpostError | undefined> {
  try {
    const answer = await environment.get?.(webSocketUrl.replace(/^ws/, 'http'));
    const status = answer === undefined ? undefined : statuses[answer.status];
    if (answer === undefined || status === undefined) return undefined;
    const { reason, message } = wordsOf(answer.text);
    const text = message ?? `The server answers ${answer.status} to ${webSocketUrl}.`;
    return new SealpostError(status, reason ?? 'UPGRADE_REFUSED', text);
  } catch {
    return undefined;
  }
}

interface ErrorBody {
  readonly error?: {
    readonly message?: string;
    readonly details?: readonly { readonly reason?: string }[];
  };
}

/** Of google.rpc.Status in JSON; a proxy may say something else. */
function wordsOf(text: string): { reason?: string | undefined; message?: string | undefined } {
  try {
    const { error } = JSON.parse(text) as ErrorBody;
    const reason = error?.details?.find((detail) => detail.reason !== undefined)?.reason;
    return { reason, message: error?.message };
  } catch {
    return {};
  }
}
