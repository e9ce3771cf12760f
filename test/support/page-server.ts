import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The origin of a web page, and its backend: a page at each path, and `/token`. */
export class PageServer {
  readonly #server: Server;

  /** `page` makes the page of a path; `token` is what the backend answers to `/token`. */
  constructor(page: (path: string) => string, token: () => Promise<string>) {
    this.#server = createServer((request, response) => {
      const path = (request.url ?? '/').replace(/\?.*$/, '');
      if (path === '/token') {
        token().then(
          (text) => response.end(text),
          (error: unknown) => response.writeHead(500).end(String(error)),
        );
        return;
      }
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(page(path));
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
