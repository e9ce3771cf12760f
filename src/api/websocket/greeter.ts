import type { Principal } from '../../iam/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Connection, ConnectionOwner } from './connection.ts';
import type { ClientFrame, HelloFrame } from './frames.ts';
import { SessionCaller } from './caller/session-caller.ts';
import { callerByToken } from './caller/session-credentials.ts';
import type { SessionRegistry } from './session-registry.ts';
import type { Surroundings } from './surroundings.ts';

/** What the upgrade told of a client. */
export interface Caller {
  /** From the subprotocols; empty if there was none. */
  readonly token: string;
  /** A page of an origin that may open a WebSocket with a token, and nothing else. */
  readonly needsToken: boolean;
  /** By what the upgrade showed beside a token; null: it showed nothing. */
  readonly principal: Principal | null;
  /** The peer's, without port. */
  readonly address: string | undefined;
}

/** Owns a connection until its first frame has shown who is there. */
export class Greeter implements ConnectionOwner {
  readonly #connection: Connection;
  readonly #caller: Caller;
  readonly #registry: SessionRegistry;
  readonly #surroundings: Surroundings;
  readonly #onDone: (greeter: Greeter) => void;

  constructor(
    connection: Connection,
    caller: Caller,
    registry: SessionRegistry,
    surroundings: Surroundings,
    onDone: (greeter: Greeter) => void,
  ) {
    this.#connection = connection;
    this.#caller = caller;
    this.#registry = registry;
    this.#surroundings = surroundings;
    this.#onDone = onDone;
  }

  frame(frame: ClientFrame): void {
    if (frame.kind !== 'hello') throw helloExpected();
    this.#connection.hold('hello');
    void this.#greet(frame);
  }

  fail(error: unknown): void {
    this.#connection.fail(error);
  }

  closed(): void {
    this.#onDone(this);
  }

  /** Nothing was sent yet that could be confirmed, nor waits to be. */
  confirmed(): void {}
  drained(): void {}
  ping(): void {}

  async #greet(hello: HelloFrame): Promise<void> {
    try {
      const caller = await this.#callerOf(hello.token === '' ? this.#caller.token : hello.token);
      if (this.#connection.isClosing) return;
      caller.requireValid();
      this.#registry.admit(this.#connection, hello, caller);
      this.#onDone(this);
      this.#connection.release('hello');
    } catch (error) {
      this.#connection.fail(error);
    }
  }

  async #callerOf(token: string): Promise<SessionCaller> {
    const { principal, needsToken, address } = this.#caller;
    const { access } = this.#surroundings;
    if (token !== '') return await callerByToken(token, address, this.#surroundings);
    if (needsToken) throw tokenRequired();
    return new SessionCaller(principal ?? (await access.authenticate({ address })), null, access);
  }
}

const helloExpected = (): RpcError =>
  new RpcError('INVALID_ARGUMENT', 'HELLO_EXPECTED', 'The first frame must be a hello.');

const tokenRequired = (): RpcError =>
  new RpcError(
    'UNAUTHENTICATED',
    'TOKEN_REQUIRED',
    'Pages of this origin need a token, in a subprotocol or in the first frame.',
  );
