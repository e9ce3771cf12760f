import type { WebSocketConstructor } from './web-socket.ts';

/**
 * What the client needs of the place it runs in: time and chance. Nothing else of the client
 * touches a timer or a random number, so that a test can replay an hour in a moment.
 */
export interface Environment {
  /** Milliseconds since an arbitrary start; never goes back. */
  nowMs(): number;
  /** At least 0 and below 1. */
  random(): number;
  /** Runs `task` once, not before `delayMs` have passed; what is returned cancels it. */
  schedule(delayMs: number, task: () => void): () => void;
  /** What HTTP answers to a GET, where that can be asked: no WebSocket says why it was refused. */
  get?(url: string): Promise<{ readonly status: number; readonly text: string }>;
}

/** That of the browser or of Node. */
export const globalEnvironment: Environment = {
  nowMs: () => performance.now(),
  random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
  schedule: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  get: async (url) => {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(10_000) });
    return { status: response.status, text: await response.text() };
  },
};

/** The WebSocket of the browser or of Node, 22 or newer; undefined where there is none. */
export function globalWebSocket(): WebSocketConstructor | undefined {
  return (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
}
