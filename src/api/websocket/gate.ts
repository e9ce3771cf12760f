import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import { WebSocketServer, type WebSocket } from 'ws';

import { draining } from '../../broker/index.ts';
import { operator, type Principal } from '../../iam/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { hasCredentials, httpCredentials, withoutApiKeys } from '../access/http-credentials.ts';
import { callerIpOf } from '../method.ts';
import type { Posture } from '../posture.ts';
import { frameCodecs } from './codec/index.ts';
import { Connection } from './connection.ts';
import type { FrameCodec } from './frames.ts';
import { Greeter, type Caller } from './greeter.ts';
import { tokenEntryPrefix, webSocketLimits as limits, webSocketPath } from './limits.ts';
import { SessionRegistry } from './session-registry.ts';
import type { Surroundings } from './surroundings.ts';
import { refuseUpgrade } from './upgrade-refusal.ts';

export interface GateOptions extends Surroundings {
  readonly posture: Posture;
  /** Aborts when the server drains. */
  readonly draining: AbortSignal;
  /** Sessions at once, those that wait for their client included. */
  readonly sessionsMax: number;
  /** Whether permessage-deflate (RFC 7692) may be agreed upon. */
  readonly compression: boolean;
}

const version = '13';
const wrongVersion = `Sec-WebSocket-Version must be ${version}`;

/** Memory for one connection's compression: about 32 KiB inflating and 24 KiB deflating. */
const deflateOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 12,
  zlibDeflateOptions: { level: 1, memLevel: 5 },
  concurrencyLimit: 4,
};

/** Where WebSocket begins: upgrades in, sessions out. */
export class WebSocketGate {
  readonly #options: GateOptions;
  readonly #server: WebSocketServer;
  readonly #registry: SessionRegistry;
  readonly #greeters: Set<Greeter> = new Set();

  constructor(options: GateOptions) {
    this.#options = options;
    this.#registry = new SessionRegistry(options);
    const settings = {
      noServer: true,
      clientTracking: false,
      maxPayload: limits.frameBytesMax,
      maxFragments: limits.fragmentsMax,
      maxBufferedChunks: limits.fragmentsMax,
      closeTimeout: limits.closeTimeoutMs,
      perMessageDeflate: options.compression ? deflateOptions : false,
      handleProtocols: (offered: Set<string>) => chooseProtocol(offered)?.subprotocol ?? false,
    };
    this.#server = new WebSocketServer(settings);
    this.#server.on('wsClientError', (error, socket) =>
      this.#refuse(socket as Socket, badHandshake(error.message)),
    );
    options.draining.addEventListener('abort', () => this.#drain(), { once: true });
  }

  /** Node's 'upgrade' event. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    try {
      const needsToken = this.#check(request);
      const offered = offeredProtocols(request);
      const codec = chooseProtocol(offered);
      if (codec === undefined) throw noSubprotocol();
      const address = callerIpOf(socket.remoteAddress);
      const rest = { token: tokenIn(offered), needsToken, address };
      const upgrade = (principal: Principal | null): void =>
        this.#server.handleUpgrade(request, socket, head, (ws) =>
          this.#accept(ws, socket, codec, { ...rest, principal }),
        );
      const caller = this.#callerOf(request, needsToken);
      if (caller instanceof Promise) this.#upgradeLater(caller, socket, upgrade);
      else upgrade(caller);
    } catch (error) {
      this.#refuse(socket, error);
    }
  }

  /** By what the upgrade shows; null: by a token, or not at all. */
  #callerOf(request: IncomingMessage, needsToken: boolean): Principal | null | Promise<Principal> {
    const { access } = this.#options;
    if (!access.isRequired) return operator;
    const { apiKeys } = withoutApiKeys(request.url?.split('?', 2)[1] ?? '');
    const presented = httpCredentials(request, apiKeys);
    // A browser shows its certificate for any page that asks, of whatever origin.
    const shown = needsToken ? { ...presented, certificate: undefined } : presented;
    return hasCredentials(shown) ? access.authenticate(shown) : null;
  }

  #upgradeLater(
    caller: Promise<Principal>,
    socket: Socket,
    upgrade: (principal: Principal) => void,
  ): void {
    socket.on('error', ignore);
    const go = (principal: Principal): void => {
      socket.off('error', ignore);
      if (socket.destroyed) return;
      if (this.#options.draining.aborted) throw draining();
      upgrade(principal);
    };
    caller.then(go).catch((error: unknown) => this.#refuse(socket, error));
  }

  /** True if only a token makes this caller welcome. */
  #check({ headers, url }: IncomingMessage): boolean {
    const { posture, sessionsMax } = this.#options;
    const { host, origin, 'sec-fetch-site': site } = headers;
    const trust = posture.checkUpgrade(host, origin, site);
    if (url?.split('?', 1)[0] !== webSocketPath) throw wrongPath();
    // Version 8, which `ws` takes too, has its origin in a header that nobody checks.
    if (headers['sec-websocket-version'] !== version) throw badHandshake(wrongVersion);
    if (this.#options.draining.aborted) throw draining();
    if (this.#registry.size + this.#greeters.size >= sessionsMax) throw tooManySessions();
    return trust === 'token';
  }

  #accept(ws: WebSocket, socket: Socket, codec: FrameCodec, caller: Caller): void {
    void new Connection(ws, socket, codec, this.#options, (connection) => {
      const greeter = new Greeter(connection, caller, this.#registry, this.#options, (done) =>
        this.#greeters.delete(done),
      );
      this.#greeters.add(greeter);
      return greeter;
    });
  }

  #refuse(socket: Socket, error: unknown): void {
    const headers = [
      `sec-websocket-version: ${version}`,
      ...(isUnauthenticated(error) ? ['www-authenticate: Bearer realm="sealpost"'] : []),
    ];
    this.#options.observer.refused(refuseUpgrade(socket, error, headers));
  }

  #drain(): void {
    for (const greeter of this.#greeters) greeter.fail(draining());
    this.#registry.drain();
  }
}

function offeredProtocols({ headers }: IncomingMessage): Set<string> {
  const offered = headers['sec-websocket-protocol'] ?? '';
  return new Set(offered.split(',').map((entry) => entry.trim()));
}

/** The first that the client named and we speak. */
function chooseProtocol(offered: ReadonlySet<string>): FrameCodec | undefined {
  for (const name of offered) {
    const codec = frameCodecs.get(name);
    if (codec !== undefined) return codec;
  }
  return undefined;
}

function tokenIn(offered: ReadonlySet<string>): string {
  for (const entry of offered) {
    if (entry.startsWith(tokenEntryPrefix)) return entry.slice(tokenEntryPrefix.length);
  }
  return '';
}

const isUnauthenticated = (error: unknown): boolean =>
  error instanceof RpcError && error.code === 'UNAUTHENTICATED';

const ignore = (): void => undefined;

const badHandshake = (what: string): RpcError =>
  new RpcError('INVALID_ARGUMENT', 'BAD_HANDSHAKE', `${what}.`);

const noSubprotocol = (): RpcError =>
  new RpcError(
    'INVALID_ARGUMENT',
    'SUBPROTOCOL_UNKNOWN',
    `Sec-WebSocket-Protocol must name one of ${[...frameCodecs.keys()].join(', ')}.`,
  );

const wrongPath = (): RpcError =>
  new RpcError('NOT_FOUND', 'PATH_NOT_FOUND', `WebSocket is served at ${webSocketPath} only.`);

const tooManySessions = (): RpcError =>
  new RpcError('UNAVAILABLE', 'TOO_MANY_SESSIONS', 'The server has as many sessions as it may.');
