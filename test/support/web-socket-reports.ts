import type { WebSocketObserver } from '../../src/api/index.ts';

/** What the WebSocket side reported, in order; frames and gauges as their latest values. */
export class WebSocketReports implements WebSocketObserver {
  readonly events: unknown[][] = [];
  receivedBytes = 0;
  sentFrames = 0;
  streams = 0;
  detached = 0;

  connected(subprotocol: string, isResumed: boolean): void {
    this.events.push(['connected', subprotocol, isResumed]);
  }

  disconnected(subprotocol: string, closeCode: number): void {
    this.events.push(['disconnected', subprotocol, closeCode]);
  }

  refused(status: number): void {
    this.events.push(['refused', status]);
  }

  received(bytes: number): void {
    this.receivedBytes += bytes;
  }

  sent(): void {
    this.sentFrames++;
  }

  held(cause: 'requests' | 'unread'): void {
    this.events.push(['held', cause]);
  }

  streamCount(open: number): void {
    this.streams = open;
  }

  detachedCount(sessions: number): void {
    this.detached = sessions;
  }
}
