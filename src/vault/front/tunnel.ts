import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { forwardedFields } from './forwarding.ts';
import { answers } from './front-answers.ts';
import type { Carrier, FrontExchange } from './front-exchange.ts';
import { endToEnd } from './header-fields.ts';
import { dialler, type InstanceSlot } from './instance-slot.ts';
import { leastStatus, responseHeadMax } from './proxied-request.ts';

/** Carries an upgrade to an instance; once it agrees, bytes both ways until either side ends. */
export class Tunnel implements Carrier {
  readonly #exchange: FrontExchange;
  readonly #client: Socket;
  readonly #head: Buffer;
  readonly #upstream: ClientRequest;
  #instanceSide: Duplex | undefined;
  #isDone = false;

  /** `head`: what came of the new protocol with the request. */
  constructor(
    exchange: FrontExchange,
    slot: InstanceSlot,
    path: string,
    client: Socket,
    head: Buffer,
  ) {
    this.#exchange = exchange;
    this.#client = client;
    this.#head = head;
    const { request, context } = exchange;
    this.#upstream = httpRequest({
      method: request.method,
      path,
      headers: forwardedFields(request, 'none', 'Upgrade', context.entropy),
      maxHeaderSize: responseHeadMax,
      createConnection: dialler(slot.instance),
    });
    this.#upstream.on('upgrade', (incoming, socket, first) =>
      this.#onUpgrade(incoming, socket, first),
    );
    this.#upstream.on('response', (incoming) => this.#onRefused(incoming));
    this.#upstream.on('error', () => this.#onError());
    this.#upstream.end();
  }

  destroy(): void {
    this.#isDone = true;
    this.#upstream.destroy();
    this.#instanceSide?.destroy();
  }

  #onUpgrade(incoming: IncomingMessage, socket: Duplex, first: Buffer): void {
    const { response } = this.#exchange;
    const client = this.#client;
    socket.on('error', () => client.destroy());
    if (this.#isDone) {
      socket.destroy();
      return;
    }
    this.#instanceSide = socket;
    this.#exchange.status = 101;
    response.detachSocket(this.#exchange.request.socket);
    client.once('close', () => this.#exchange.end());
    socket.once('close', () => client.destroySoon());
    client.write(switchingHead(incoming), 'latin1');
    if (first.length > 0) client.write(first);
    if (this.#head.length > 0) socket.write(this.#head);
    client.on('data', (chunk: Buffer) => (this.#exchange.requestBytes += chunk.length));
    socket.on('data', (chunk: Buffer) => (this.#exchange.responseBytes += chunk.length));
    client.pipe(socket);
    socket.pipe(client);
  }

  /** The instance answers as it would any request; the connection ends with the answer. */
  #onRefused(incoming: IncomingMessage): void {
    const { response } = this.#exchange;
    if (this.#isDone) return;
    const status = incoming.statusCode ?? 0;
    const fields = endToEnd(incoming.rawHeaders, new Set(['trailer']));
    incoming.on('error', () => this.#exchange.cut());
    if (status < leastStatus) {
      this.#exchange.refuse(answers.unavailable);
      return;
    }
    try {
      response.writeHead(status, incoming.statusMessage, [...fields, 'Connection', 'close']);
    } catch {
      // An instance can say what no answer may.
      this.#exchange.refuse(answers.unavailable);
      return;
    }
    this.#exchange.status = status;
    incoming.on('data', (chunk: Buffer) => (this.#exchange.responseBytes += chunk.length));
    incoming.pipe(response);
  }

  #onError(): void {
    if (this.#isDone || this.#instanceSide !== undefined) return;
    this.#exchange.refuse(answers.unavailable);
  }
}

/** The instance's consent, as it gave it. */
function switchingHead({ statusMessage, rawHeaders, headers }: IncomingMessage): string {
  const lines = [`HTTP/1.1 101 ${statusMessage ?? 'Switching Protocols'}`];
  const fields = endToEnd(rawHeaders);
  fields.push('Connection', 'Upgrade', 'Upgrade', headers.upgrade ?? '');
  for (let at = 0; at < fields.length; at += 2) lines.push(`${fields[at]}: ${fields[at + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
