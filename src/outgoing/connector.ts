import { type LookupFunction, isIP, connect, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';

import type { AddressPolicy } from './address-policy.ts';
import { OutgoingError } from './outgoing-client.ts';
import type { Destination } from './request-check.ts';

/** All addresses of a name, in the order in which they are to be tried. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface ConnectorOptions {
  readonly policy: AddressPolicy;
  readonly resolve: Resolve;
  /** Asked at the first TLS connection: reading the certificate authorities takes a while. */
  readonly secureContext: () => SecureContext;
}

/** The TCP connection below a TLS one: only it can be reset. */
const carriers: WeakMap<Socket, Socket> = new WeakMap();

/**
 * Cuts a connection so that nothing more of what was written leaves: a reset also drops what the
 * system holds for sending.
 */
export function sever(socket: Socket): void {
  const carrier = carriers.get(socket) ?? socket;
  if (carrier.destroyed) socket.destroy();
  else carrier.resetAndDestroy();
}

/**
 * Opens connections to addresses that the policy lets through, and to no others: the name is
 * resolved here, each address is checked, and the connection goes to the checked bytes, so that
 * nothing is resolved a second time.
 */
export class Connector {
  readonly #options: ConnectorOptions;
  /** Names that are being resolved: a burst to one endpoint asks once. */
  readonly #resolving: Map<string, Promise<readonly string[]>> = new Map();

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /** A connection that HTTP can be spoken on. Throws OutgoingError, or the signal's reason. */
  async connect(to: Destination, signal: AbortSignal): Promise<Socket> {
    const addresses = await this.#checkedAddresses(to, signal);
    const socket = open(to, addresses);
    // What goes wrong later is told to those who use the connection, by its end.
    socket.on('error', () => undefined);
    await until('connect', socket, signal, (error) => unreachable(to, error));
    return to.isTls ? await this.#secure(socket, to, signal) : socket;
  }

  async #checkedAddresses(to: Destination, signal: AbortSignal): Promise<string[]> {
    const { policy } = this.#options;
    const found = isIP(to.host) === 0 ? await this.#resolve(to.host) : [to.host];
    signal.throwIfAborted();
    const verdicts = found.map((address) => ({ address, why: policy.refusal(address, to.port) }));
    const passed = verdicts.filter(({ why }) => why === null).map(({ address }) => address);
    if (passed.length > 0) return passed;
    const [first] = verdicts;
    if (first === undefined) throw new OutgoingError('unreachable', `${to.host} has no address.`);
    const text = `${first.address} port ${to.port} may not be called: ${first.why}.`;
    throw new OutgoingError('address refused', text);
  }

  #resolve(host: string): Promise<readonly string[]> {
    const running = this.#resolving.get(host);
    if (running !== undefined) return running;
    const begun = resolved(this.#options.resolve, host).finally(() => {
      this.#resolving.delete(host);
    });
    this.#resolving.set(host, begun);
    return begun;
  }

  async #secure(carrier: Socket, to: Destination, signal: AbortSignal): Promise<Socket> {
    const socket = connectTls({
      socket: carrier,
      host: to.host,
      ...(isIP(to.host) === 0 && { servername: to.host }),
      secureContext: this.#options.secureContext(),
      ALPNProtocols: ['http/1.1'],
    });
    carriers.set(socket, carrier);
    socket.on('error', () => undefined);
    await until('secureConnect', socket, signal, (error) => tlsFailure(to, error));
    return socket;
  }
}

async function resolved(resolve: Resolve, host: string): Promise<readonly string[]> {
  try {
    return await resolve(host);
  } catch (cause) {
    const text = `The name ${host} cannot be resolved: ${codeOf(cause)}.`;
    throw new OutgoingError('unreachable', text, { cause });
  }
}

/** With several addresses each is tried; none is looked up again. */
function open({ host, port }: Destination, addresses: readonly string[]): Socket {
  const [only = '', ...others] = addresses;
  if (others.length === 0) return connect({ host: only, port, noDelay: true });
  const entries = addresses.map((address) => ({ address, family: isIP(address) }));
  const lookup: LookupFunction = (_host, _options, done) => done(null, entries);
  return connect({ host, port, noDelay: true, lookup, autoSelectFamily: true });
}

/** Waits for an event of a new socket; whatever comes instead also destroys it. */
function until(
  event: 'connect' | 'secureConnect',
  socket: Socket,
  signal: AbortSignal,
  failure: (error: unknown) => Error,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      signal.removeEventListener('abort', abort);
      socket.off(event, succeed).off('error', fail).off('close', fail);
      if (error === undefined) return resolve();
      socket.destroy();
      carriers.get(socket)?.destroy();
      reject(error);
    };
    const succeed = (): void => settle();
    const fail = (error: unknown): void => settle(failure(error));
    const abort = (): void => settle(signal.reason as Error);
    socket.once(event, succeed).once('error', fail).once('close', fail);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}

function unreachable({ host, port }: Destination, cause: unknown): OutgoingError {
  const text = `${host} port ${port} cannot be reached: ${codeOf(cause)}.`;
  return new OutgoingError('unreachable', text, { cause });
}

function tlsFailure({ host, port }: Destination, cause: unknown): OutgoingError {
  const text = `No TLS with ${host} port ${port}: ${codeOf(cause)}.`;
  return new OutgoingError('tls', text, { cause });
}

/** ECONNREFUSED, ENOTFOUND, CERT_HAS_EXPIRED, …: says what happened, and nothing of a peer's text. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'connection closed';
}
