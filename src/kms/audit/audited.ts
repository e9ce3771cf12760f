import { RpcError } from '../../rpc/index.ts';
import { requireAccess } from '../operation-access.ts';
import type { KmsContext } from '../kms-context.ts';
import { AuditTrail } from './audit-trail.ts';
import type { KeyOperation } from './key-operation.ts';

/**
 * Runs one call of the key service: asks whether the caller may, tells the observer how it ended,
 * and has its entry in the audit log before it is answered, failures too.
 *
 * `discard` is told of a result that is not handed out after all, because it could not be recorded.
 *
 * @throws RpcError UNAVAILABLE if a use or a read cannot be recorded: it is then not answered
 */
export async function audited<T>(
  context: KmsContext,
  call: KeyOperation,
  run: (trail: AuditTrail) => Promise<T>,
  discard: (result: T) => void = () => undefined,
): Promise<T> {
  const startMs = context.clock.monotonicMs();
  const trail = new AuditTrail(context, call);
  const end = (code: 'OK' | RpcError['code']): void => {
    const ms = context.clock.monotonicMs() - startMs;
    context.observer.call({ operation: call.operation, code, ms });
  };
  try {
    const result = await recorded(context, call, trail, run, discard);
    end('OK');
    return result;
  } catch (error) {
    end(RpcError.from(error).code);
    throw error;
  }
}

async function recorded<T>(
  context: KmsContext,
  call: KeyOperation,
  trail: AuditTrail,
  run: (trail: AuditTrail) => Promise<T>,
  discard: (result: T) => void,
): Promise<T> {
  let result: T;
  try {
    if (call.kind !== 'system_event') await requireAccess(context, call);
    trail.isGranted = true;
    result = await run(trail);
  } catch (error) {
    await recordFailure(context, trail, RpcError.from(error));
    throw error;
  }
  try {
    await trail.succeed();
    return result;
  } catch (error) {
    discard(result);
    throw error;
  }
}

/** Nothing was done, so the call's own error is what its caller hears, recorded or not. */
async function recordFailure(
  { log }: KmsContext,
  trail: AuditTrail,
  error: RpcError,
): Promise<void> {
  try {
    await trail.fail(error);
  } catch (err) {
    log.warn({ err }, 'a failed call of the key service could not be recorded');
  }
}
