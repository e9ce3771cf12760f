import type { DeliveryVisitor } from '../protobuf.ts';
import { WebSocketConnection, type MaskedFrame } from './connection.ts';
import { firstId, type Reply, type Wire } from './wire.ts';

const path = '/v1/websocket';

/** A session that was welcomed: requests by id, deliveries to one visitor. */
export class Session {
  readonly wire: Wire;
  /** Called for each delivered message, then once for its frame. */
  visit: DeliveryVisitor = () => undefined;
  onDeliver: () => void = () => undefined;
  readonly #connection: WebSocketConnection;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #lastId = firstId;

  private constructor(connection: WebSocketConnection, wire: Wire) {
    this.#connection = connection;
    this.wire = wire;
  }

  static async open(address: string, wire: Wire): Promise<Session> {
    const connection = await WebSocketConnection.open(address, path, wire.subprotocol);
    const session = new Session(connection, wire);
    const welcomed = Promise.withResolvers<void>();
    connection.onPayload = (payload) => {
      const { kind } = wire.read(payload, session.visit);
      if (kind === 'welcome') welcomed.resolve();
      else welcomed.reject(new Error(`no welcome, but ${kind}: ${payload.toString('latin1')}`));
      connection.onPayload = (next) => session.#take(next);
    };
    connection.send(wire.hello());
    await welcomed.promise;
    return session;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  /** Sends a frame that carries `id`; `done` takes what is said about it first. */
  request(id: number, frame: MaskedFrame, done: (reply: Reply) => void): void {
    this.#waiting.set(id, done);
    this.#connection.send(frame);
  }

  send(frame: MaskedFrame): void {
    this.#connection.send(frame);
  }

  /** Opens a stream; its id. */
  async subscribe(source: { subscription: string } | { topic: string }): Promise<number> {
    const id = this.nextId();
    const answered = Promise.withResolvers<Reply>();
    this.request(id, this.wire.subscribe(id, source), answered.resolve);
    const reply = await answered.promise;
    if (reply.kind !== 'subscribed') throw new Error(`not subscribed: ${reply.text}`);
    return id;
  }

  close(): void {
    this.#connection.close();
  }

  #take(payload: Buffer): void {
    const reply = this.wire.read(payload, this.visit);
    if (reply.kind === 'deliver') {
      this.onDeliver();
      return;
    }
    const done = this.#waiting.get(reply.id);
    if (done === undefined) {
      if (reply.kind === 'error') throw new Error(`a stream ended: ${reply.text}`);
      return;
    }
    this.#waiting.delete(reply.id);
    done(reply);
  }
}
