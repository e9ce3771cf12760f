import { Counter, Gauge, type Registry } from 'prom-client';
import { otherResource } from './resources/resource-labels.ts';

const prefix = 'sealpost_websocket_';
/** Different values of a label that clients choose. */
const valuesMax = 32;

interface Frames {
  readonly count: Counter;
  readonly bytes: Counter;
}

/** What the WebSocket side reports. */
export class WebSocketMetrics {
  readonly #connections: Gauge<'subprotocol'>;
  readonly #connected: Counter<'subprotocol'>;
  readonly #resumed: Counter<'subprotocol'>;
  readonly #closes: Counter<'subprotocol' | 'code'>;
  readonly #refusals: Counter<'status'>;
  readonly #received: Frames;
  readonly #sent: Frames;
  readonly #holds: Counter<'cause'>;
  readonly #streams: Gauge;
  readonly #detached: Gauge;
  readonly #codes = new BoundedValues(valuesMax);
  readonly #subprotocols = new BoundedValues(valuesMax);

  constructor(registry: Registry) {
    const by = { registry, labelNames: ['subprotocol'] as const };
    const alone = { registry, labelNames: [] as const };
    this.#connections = gauge(by, 'connections', 'Connections that are open, by subprotocol.');
    this.#connected = counter(by, 'opens_total', 'Connections that were welcomed, by subprotocol.');
    this.#resumed = counter(
      by,
      'resumes_total',
      'Connections that took a session up again, by subprotocol.',
    );
    this.#closes = counter(
      { registry, labelNames: ['subprotocol', 'code'] },
      'closes_total',
      'Connections that ended, by close code; 1006: it broke.',
    );
    this.#refusals = counter(
      { registry, labelNames: ['status'] },
      'refusals_total',
      'Upgrades that were refused, by HTTP status.',
    );
    this.#received = {
      count: counter(alone, 'received_frames_total', 'Frames received.'),
      bytes: counter(alone, 'received_bytes_total', 'Bytes of the frames received.'),
    };
    this.#sent = {
      count: counter(alone, 'sent_frames_total', 'Frames sent.'),
      bytes: counter(alone, 'sent_bytes_total', 'Bytes of the frames sent.'),
    };
    this.#holds = counter(
      { registry, labelNames: ['cause'] },
      'holds_total',
      'Times that reading from a connection was stopped, by cause.',
    );
    this.#streams = gauge(alone, 'streams', 'Streams open now.');
    this.#detached = gauge(
      alone,
      'detached_sessions',
      'Sessions that wait for their client to come back, now.',
    );
  }

  connected(subprotocol: string, isResumed: boolean): void {
    const labels = { subprotocol: this.#subprotocols.admit(subprotocol) };
    this.#connections.inc(labels);
    this.#connected.inc(labels);
    if (isResumed) this.#resumed.inc(labels);
  }

  disconnected(subprotocol: string, closeCode: number): void {
    const labels = { subprotocol: this.#subprotocols.admit(subprotocol) };
    this.#connections.dec(labels);
    this.#closes.inc({ ...labels, code: this.#codes.admit(String(closeCode)) });
  }

  refused(status: number): void {
    this.#refusals.inc({ status: String(status) });
  }

  received(bytes: number): void {
    this.#received.count.inc();
    this.#received.bytes.inc(bytes);
  }

  sent(bytes: number): void {
    this.#sent.count.inc();
    this.#sent.bytes.inc(bytes);
  }

  held(cause: 'requests' | 'unread'): void {
    this.#holds.inc({ cause });
  }

  streamCount(open: number): void {
    this.#streams.set(open);
  }

  detachedCount(sessions: number): void {
    this.#detached.set(sessions);
  }
}

interface Place<Label extends string> {
  readonly registry: Registry;
  readonly labelNames: readonly Label[];
}

function counter<Label extends string>(
  { registry, labelNames }: Place<Label>,
  end: string,
  help: string,
): Counter<Label> {
  return new Counter({ name: prefix + end, help, labelNames, registers: [registry] });
}

function gauge<Label extends string>(
  { registry, labelNames }: Place<Label>,
  end: string,
  help: string,
): Gauge<Label> {
  return new Gauge({ name: prefix + end, help, labelNames, registers: [registry] });
}

/** The first values that were seen; every later one is the remainder. */
class BoundedValues {
  readonly #values: Set<string> = new Set();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  admit(value: string): string {
    if (this.#values.has(value)) return value;
    if (this.#values.size >= this.#max) return otherResource;
    this.#values.add(value);
    return value;
  }
}
