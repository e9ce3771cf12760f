import { Refusal, Unreachable } from '../connection/refusal.ts';
import type { RestApi } from '../connection/rest-api.ts';
import type { Finding } from './diagnosis.ts';

export interface ServerCheck {
  readonly server: string;
  /** Of the server; empty if it does not say. */
  readonly version: string;
  readonly node: string;
  readonly findings: readonly Finding[];
}

/** Whether the server answers, is ready, and is of an age that this command understands. */
export async function checkServer(api: RestApi, ownVersion: string): Promise<ServerCheck> {
  const found = (findings: readonly Finding[], about: Partial<ServerCheck> = {}): ServerCheck => ({
    server: api.server,
    version: '',
    node: '',
    ...about,
    findings,
  });
  try {
    const { status } = await api.page('readyz');
    if (status === 503) return found([error('SERVER_NOT_READY', 'It starts or stops just now.')]);
    const { version, node } = await api.get('sealpost/v1/server');
    const about = { version: String(version), node: String(node) };
    return found(
      about.version === ownVersion ? [] : [otherVersion(about.version, ownVersion)],
      about,
    );
  } catch (thrown) {
    if (thrown instanceof Unreachable) {
      return found([error('SERVER_UNREACHABLE', `${thrown.message} ${thrown.hint}`)]);
    }
    if (!(thrown instanceof Refusal)) throw thrown;
    return found([error('SERVER_UNKNOWN', `${thrown.message} ${thrown.hint}`.trim())]);
  }
}

const error = (reason: string, message: string): Finding => ({
  severity: 'error',
  reason,
  message,
});

function otherVersion(server: string, own: string): Finding {
  const message = `The server is Sealpost ${server}, this command ${own}.`;
  return { severity: 'warning', reason: 'OTHER_VERSION', message };
}
