import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A registry behind it answers as ever, but that large answers can be held in the middle. */
export class HoldingProxy {
  readonly #target: string;
  readonly #server = createServer((asked, answer) => this.#forward(asked, answer));
  #onHeld: (() => void) | null = null;

  /** `target` is `127.0.0.1:5055`. */
  constructor(target: string) {
    this.#target = target;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** The next large answer stops half way for good; resolves when it does. */
  holdNext(): Promise<void> {
    return new Promise((resolve) => {
      this.#onHeld = resolve;
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #forward(asked: IncomingMessage, answer: ServerResponse): void {
    const [hostname, port] = this.#target.split(':');
    const { method, url: path, headers } = asked;
    const sent = request({ hostname, port, method, path, headers, agent: false }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      const length = Number(got.headers['content-length'] ?? 0);
      const onHeld = length > largeBytes ? this.#onHeld : null;
      if (onHeld === null) {
        got.pipe(answer);
        return;
      }
      this.#onHeld = null;
      holdHalf(got, answer, length / 2, onHeld);
    });
    sent.on('error', () => answer.destroy());
    answer.on('close', () => sent.destroy());
    asked.pipe(sent);
  }
}

/** Of manifests and configs none is. */
const largeBytes = 1_000_000;

function holdHalf(
  got: IncomingMessage,
  answer: ServerResponse,
  half: number,
  onHeld: () => void,
): void {
  let passed = 0;
  got.on('data', (bytes: Buffer) => {
    passed += bytes.length;
    answer.write(bytes);
    if (passed < half) return;
    got.pause();
    onHeld();
  });
}
