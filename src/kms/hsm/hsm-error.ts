import { Pkcs11Error, type Pkcs11Fault } from '../../pkcs11/index.ts';
import { RpcError } from '../../rpc/index.ts';

const codes: Readonly<Record<Pkcs11Fault, RpcError['code']>> = {
  unavailable: 'UNAVAILABLE',
  configuration: 'UNAVAILABLE',
  pinRefused: 'UNAVAILABLE',
  deadline: 'DEADLINE_EXCEEDED',
  busy: 'RESOURCE_EXHAUSTED',
  missingKey: 'FAILED_PRECONDITION',
  refused: 'FAILED_PRECONDITION',
  unsupported: 'UNIMPLEMENTED',
};

const reasons: Readonly<Record<Pkcs11Fault, string>> = {
  unavailable: 'HSM_UNAVAILABLE',
  configuration: 'HSM_MISCONFIGURED',
  pinRefused: 'HSM_PIN_REFUSED',
  deadline: 'HSM_DEADLINE_EXCEEDED',
  busy: 'HSM_BUSY',
  missingKey: 'HSM_KEY_MISSING',
  refused: 'HSM_REFUSED',
  unsupported: 'HSM_UNSUPPORTED',
};

/**
 * Runs a call to the token. A token that is away, misconfigured or slow is an outage, which may
 * pass; a key that is gone or a refusal is a verdict on that version.
 *
 * @throws RpcError
 */
export async function askToken<T>(version: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Pkcs11Error) throw rpcErrorOf(version, error);
    throw error;
  }
}

function rpcErrorOf(version: string, error: Pkcs11Error): RpcError {
  const reason = reasons[error.fault];
  const code = codes[error.fault];
  const details =
    code === 'FAILED_PRECONDITION'
      ? [
          {
            '@type': 'type.googleapis.com/google.rpc.PreconditionFailure' as const,
            violations: [{ type: reason, subject: version }],
          },
        ]
      : [];
  return new RpcError(code, reason, `${version}: ${error.message}`, { details, cause: error });
}
