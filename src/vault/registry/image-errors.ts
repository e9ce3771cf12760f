import { OutgoingError, type OutgoingFailure } from '../../outgoing/index.ts';
import { RpcError } from '../../rpc/index.ts';

/** Cloud Run's words. */
export function imageNotFound(reference: string): RpcError {
  return new RpcError('NOT_FOUND', 'IMAGE_NOT_FOUND', `Image '${reference}' not found.`);
}

/** Something of the image is not what it says, or breaks a rule of the formats. */
export function imageInvalid(reference: string, why: string): RpcError {
  const text = `Image '${reference}' cannot be used: ${why}.`;
  return new RpcError('FAILED_PRECONDITION', 'IMAGE_INVALID', text);
}

/** The image may be sound, but holds what is not supported. */
export function imageUnsupported(reference: string, why: string): RpcError {
  const text = `Image '${reference}' is not supported: ${why}.`;
  return new RpcError('UNIMPLEMENTED', 'IMAGE_UNSUPPORTED', text);
}

/** Cloud Run's words. */
export function platformMissing(mediaType: string, platform: string): RpcError {
  const text = `Container manifest type '${mediaType}' must support ${platform}.`;
  return new RpcError('FAILED_PRECONDITION', 'IMAGE_PLATFORM_MISSING', text);
}

export function accessDenied(reference: string, host: string): RpcError {
  const text =
    `The registry ${host} does not let the server read the image '${reference}'. Ensure that the image's name ` +
    `is correct, and that --registry-auth-file has credentials for ${host} that may read it.`;
  return new RpcError('PERMISSION_DENIED', 'IMAGE_ACCESS_DENIED', text);
}

/** Worth another try. */
export function registryUnavailable(host: string, why: string, cause?: unknown): RpcError {
  const text = `The registry ${host} cannot be used at the moment: ${why}`;
  return new RpcError('UNAVAILABLE', 'REGISTRY_UNAVAILABLE', text, { cause });
}

export function isWorthAnotherTry(error: unknown): boolean {
  return error instanceof RpcError && error.reason === 'REGISTRY_UNAVAILABLE';
}

export function registryAnswerInvalid(host: string, why: string): RpcError {
  const text = `The registry ${host} gave an answer that cannot be used: ${why}.`;
  return new RpcError('FAILED_PRECONDITION', 'REGISTRY_ANSWER_INVALID', text);
}

export function hostNotAllowed(host: string, why: string): RpcError {
  const text = `The registry ${host} may not be called: ${why}`;
  return new RpcError('FAILED_PRECONDITION', 'REGISTRY_HOST_NOT_ALLOWED', text);
}

/** What the guarded client threw, in the words of images; anything else as it is. */
export function outgoingFailure(host: string, error: unknown): unknown {
  if (!(error instanceof OutgoingError)) return error;
  const failures: Record<OutgoingFailure, () => RpcError> = {
    'address refused': () => hostNotAllowed(host, error.message),
    'request refused': () => registryAnswerInvalid(host, error.message.replace(/\.$/, '')),
    unreachable: () => registryUnavailable(host, error.message, error),
    timeout: () => registryUnavailable(host, error.message, error),
    'malformed answer': () => registryUnavailable(host, error.message, error),
    tls: () => new RpcError('FAILED_PRECONDITION', 'REGISTRY_TLS', error.message, { cause: error }),
    aborted: () => new RpcError('UNAVAILABLE', 'REGISTRY_CLIENT_CLOSED', error.message),
  };
  return failures[error.failure]();
}
