import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';

import type { Cancel, Clock, Logger } from '../../runtime/index.ts';
import { readTls, stampOf, type TlsFiles, type TlsMaterial } from './tls-files.ts';

export interface TlsTerminatorOptions {
  readonly files: TlsFiles;
  /** A handshake that is not over by then ends its connection. */
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of the end of the certificate in use: ms since the Unix epoch. */
  readonly onCertificate?: (expiresAtMs: number) => void;
}

/** A connection whose handshake has begun. */
interface Waiting {
  readonly handOver: (session: TLSSocket) => void;
  /** Of the authorities and lists by which its client is judged. */
  readonly clientsId: string;
}

/** How often the files are looked at. */
const lookMs = 2_000;
const dayMs = 86_400_000;
/** Of a certificate's life that is left: from then on its end is told of, once a day. */
const warningMs = 14 * dayMs;

/** TLS 1.3 on connections that the listener took: what comes out is what was sent. */
export class TlsTerminator {
  readonly #options: TlsTerminatorOptions;
  readonly #server: Server;
  readonly #waiting: WeakMap<Socket, Waiting> = new WeakMap();
  /** Sessions whose client showed a certificate. */
  readonly #known: Set<TLSSocket> = new Set();
  #material: TlsMaterial;
  /** Of the files as they were read last, well or not; and as they were seen last. */
  #readStamp: string;
  #seenStamp: string;
  #warnedMs = -Infinity;
  #cancelLook: Cancel | undefined;

  /** @throws Error for files that cannot be used */
  constructor(options: TlsTerminatorOptions) {
    const { files, handshakeTimeoutMs } = options;
    this.#options = options;
    this.#readStamp = this.#seenStamp = stampOf(files);
    this.#material = readTls(files);
    this.#server = createServer({
      ...this.#material.context,
      ALPNCallback: ({ protocols }) => chosenProtocol(protocols),
      handshakeTimeout: handshakeTimeoutMs,
      requestCert: files.clientCa !== null,
      rejectUnauthorized: files.clientAuth === 'required',
    });
    this.#server.on('secureConnection', (session) => this.#secured(session));
    // A failed handshake is the client's business; its connection is closed by Node.
    this.#server.on('tlsClientError', (_error, session) => session.destroy());
    this.#tellExpiry();
    this.#look();
  }

  get expiresAtMs(): number {
    return this.#material.expiresAtMs;
  }

  /** Begins the handshake on a connection; nothing more is heard of one that fails. */
  secure(socket: Socket, handOver: (session: TLSSocket) => void): void {
    this.#waiting.set(socket, { handOver, clientsId: this.#material.clientsId });
    const { clock, handshakeTimeoutMs } = this.#options;
    const cancel = clock.schedule(clock.monotonicMs() + handshakeTimeoutMs, () => {
      if (this.#waiting.has(socket)) socket.destroy();
    });
    socket.once('close', cancel);
    this.#server.emit('connection', socket);
  }

  /** Reads the files again. What cannot be used is logged, and what was in use stays. */
  reload(): void {
    const { files, log } = this.#options;
    this.#readStamp = this.#seenStamp = stampOf(files);
    try {
      const material = readTls(files);
      this.#server.setSecureContext(material.context);
      this.#use(material);
      const expires = new Date(material.expiresAtMs).toISOString();
      log.info({ file: files.cert, expires }, 'the TLS certificate was read again');
    } catch (error) {
      log.error(
        { err: error, file: files.cert },
        'the TLS files cannot be used, and those read before stay in use',
      );
    }
  }

  close(): void {
    this.#cancelLook?.();
  }

  #use(material: TlsMaterial): void {
    const former = this.#material;
    this.#material = material;
    this.#tellExpiry();
    if (former.clientsId === material.clientsId) return;
    // Nobody can tell of an open session whether its certificate would be good still.
    for (const session of this.#known) session.destroy();
  }

  #secured(session: TLSSocket): void {
    const carrier = carrierOf(session);
    const waiting = carrier && this.#waiting.get(carrier);
    const hasCertificate = session.getPeerX509Certificate() !== undefined;
    if (carrier === undefined || waiting === undefined) {
      session.destroy();
      return;
    }
    // A handshake that a change of the lists overtook was judged by those before.
    const isJudged = session.authorized && waiting.clientsId === this.#material.clientsId;
    if (hasCertificate && !isJudged) {
      session.destroy();
      return;
    }
    this.#waiting.delete(carrier);
    if (hasCertificate) {
      this.#known.add(session);
      session.once('close', () => this.#known.delete(session));
    }
    waiting.handOver(session);
  }

  /** A pair is written one file after the other: what changes still is not read yet. */
  #look(): void {
    const { clock, files } = this.#options;
    this.#cancelLook = clock.schedule(clock.monotonicMs() + lookMs, () => {
      const stamp = stampOf(files);
      if (stamp !== this.#readStamp && stamp === this.#seenStamp) this.reload();
      this.#seenStamp = stamp;
      this.#warnOfEnd();
      this.#look();
    });
  }

  #tellExpiry(): void {
    this.#options.onCertificate?.(this.#material.expiresAtMs);
    this.#warnedMs = -Infinity;
    this.#warnOfEnd();
  }

  #warnOfEnd(): void {
    const { clock, files, log } = this.#options;
    const { expiresAtMs } = this.#material;
    const nowMs = clock.wallMs();
    if (expiresAtMs - nowMs > warningMs || nowMs - this.#warnedMs < dayMs) return;
    this.#warnedMs = nowMs;
    const expires = new Date(expiresAtMs).toISOString();
    const what = expiresAtMs > nowMs ? 'ends soon' : 'has ended: clients refuse it';
    log.warn({ file: files.cert, expires }, `the TLS certificate ${what}`);
  }
}

/**
 * HTTP/1.1 for whoever speaks it: REST, WebSocket and pages are served over it. Clients of gRPC offer
 * HTTP/2 alone. Undefined ends the handshake (RFC 7301, 3.2).
 */
function chosenProtocol(offered: readonly string[]): string | undefined {
  return ['http/1.1', 'h2'].find((protocol) => offered.includes(protocol));
}

/** What a session is carried by, which Node keeps here alone. */
function carrierOf(session: TLSSocket): Socket | undefined {
  return (session as unknown as { readonly _parent?: Socket })._parent;
}
