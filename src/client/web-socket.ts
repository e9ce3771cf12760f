/**
 * The part of a browser's WebSocket that the client uses. What is called with an event is of no
 * type here: each library has its own for the events.
 */
export interface WebSocketLike {
  binaryType: string;
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** What the four are called with. */
export interface WebSocketEvent {
  /** Of a message: text, or an ArrayBuffer. */
  readonly data?: unknown;
  /** Of a close. */
  readonly code?: number;
  readonly reason?: string;
}

/** The server's address as a WebSocket's: `http://127.0.0.1:8085` is enough. */
export function webSocketUrl(url: string): string {
  const parsed = parsedUrl(url);
  const protocol = webSocketProtocols[parsed.protocol];
  if (protocol === undefined) {
    throw new TypeError(`The server's URL begins with ${parsed.protocol}, not with http: or ws:.`);
  }
  parsed.protocol = protocol;
  if (parsed.pathname === '/') parsed.pathname = '/v1/websocket';
  parsed.hash = '';
  return parsed.href;
}

function parsedUrl(url: string): URL {
  try {
    return new URL(url);
  } catch {
    const text = typeof url === 'string' ? JSON.stringify(url) : typeof url;
    throw new TypeError(`The server's URL is ${text}, not such as "http://127.0.0.1:8085".`);
  }
}

const webSocketProtocols: Readonly<Record<string, string>> = {
  'http:': 'ws:',
  'https:': 'wss:',
  'ws:': 'ws:',
  'wss:': 'wss:',
};
