import { diesWithParent } from './parent-death.ts';
import { Pkcs11Error } from './pkcs11-error.ts';
import type { TokenReply, TokenRequest } from './token-request.ts';
import { TokenSession } from './token-session.ts';

/**
 * The program of the token's process: one request at a time, each answered by one message. It is a
 * process and not a thread because a vendor's library may hang for ever, or crash: only a process
 * can be ended then, and takes neither the server nor the library's locks with it.
 */
let session: TokenSession | undefined;

function replyTo(request: TokenRequest): TokenReply {
  try {
    if (request.do === 'open') session ??= new TokenSession(request);
    if (session === undefined) throw new Pkcs11Error('unavailable', 'The token is not open.');
    return { result: session.run(request) };
  } catch (error) {
    if (error instanceof Pkcs11Error) return { fault: error.fault, message: error.message };
    const detail = error instanceof Error ? error.message : String(error);
    return { fault: 'unavailable', message: `The PKCS#11 library failed: ${detail}` };
  }
}

diesWithParent();
process.on('disconnect', () => process.exit(0));
// A signal to the whole group is for the server, which may still need the token to drain.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('message', (request: TokenRequest) => {
  const reply = replyTo(request);
  process.send?.(reply);
  if ('data' in request) request.data.fill(0);
  if ('result' in reply && reply.result instanceof Uint8Array) reply.result.fill(0);
});
