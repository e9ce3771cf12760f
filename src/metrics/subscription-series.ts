import type { DeliveryType, PushClass } from '../broker/index.ts';
import type { StatusCode } from '../rpc/index.ts';
import { ConfigCounts } from './config-counts.ts';
import { bucketsOf, Distribution, type Buckets } from './page/distribution.ts';
import { labelText, type Page } from './page/exposition.ts';
import { PolicySeries } from './policy-series.ts';
import { PushSeries } from './push-series.ts';
import { RecentWindow } from './resources/recent-window.ts';
import { subscriptionLabels } from './resources/resource-labels.ts';
import { CodeCounts } from './response-labels.ts';
import { TransformSeries } from './transform-series.ts';

/** From an answer at once to the longest deadline; Google's unit, milliseconds. */
const ackBuckets: Buckets = bucketsOf([
  5, 10, 25, 50, 100, 250, 500, 1000, 5000, 10_000, 30_000, 60_000, 600_000,
]);

export const deliveryTypes: readonly DeliveryType[] = ['pull', 'streaming pull', 'push'];
const typeLabels = deliveryTypes.map((type) => labelText({ delivery_type: type }));

/** Google calls a subscription unhealthy whose slowest thousandth of acks took longer. */
const slowAckMs = 30_000;
const healthSpanMs = 600_000;
const minuteMs = 60_000;

/** Columns of the window; the first three are nacks by delivery type. */
const columns = { expired: 3, acked: 4, ackedSlowly: 5, sought: 6 };

/** A count for each way of delivery. */
export class TypeCounts {
  readonly #counts: Float64Array = new Float64Array(deliveryTypes.length);

  add(type: DeliveryType, count: number): void {
    const column = deliveryTypes.indexOf(type);
    this.#counts[column] = this.of(type) + count;
  }

  of(type: DeliveryType): number {
    return this.#counts[deliveryTypes.indexOf(type)] ?? 0;
  }

  write(page: Page, name: string, labels: string): void {
    for (const [column, count] of this.#counts.entries()) {
      if (count > 0) page.sample(name, `${labels},${typeLabels[column] ?? ''}`, count);
    }
  }
}

/** Everything that is counted for one subscription. */
export class SubscriptionSeries {
  readonly labels: string;
  readonly config: ConfigCounts = new ConfigCounts();
  readonly pulls: CodeCounts = new CodeCounts();
  readonly streamResponses: CodeCounts = new CodeCounts();
  readonly ackRequests: Record<'pull' | 'streaming pull', CodeCounts> = perWay();
  readonly modAckRequests: Record<'pull' | 'streaming pull', CodeCounts> = perWay();
  readonly sent: TypeCounts = new TypeCounts();
  readonly acked: TypeCounts = new TypeCounts();
  readonly modAcked: TypeCounts = new TypeCounts();
  readonly expiries: TypeCounts = new TypeCounts();
  readonly nacks: TypeCounts = new TypeCounts();
  #policies: PolicySeries | undefined;
  #transforms: TransformSeries | undefined;
  readonly #ackLatencies: Distribution[] = [];
  #pushes: PushSeries | undefined;
  #recent: RecentWindow | undefined;

  constructor(subscription: string) {
    this.labels = subscriptionLabels(subscription);
  }

  push(responseClass: PushClass, code: string, ms: number): void {
    (this.#pushes ??= new PushSeries()).add(responseClass, code, ms);
  }

  ack(type: DeliveryType, latenciesMs: readonly number[], nowMs: number): void {
    this.acked.add(type, latenciesMs.length);
    const column = deliveryTypes.indexOf(type);
    const latencies = (this.#ackLatencies[column] ??= new Distribution(ackBuckets));
    let slowCount = 0;
    for (const ms of latenciesMs) {
      latencies.observe(ms);
      if (ms > slowAckMs) slowCount++;
    }
    const recent = this.#window();
    recent.add(columns.acked, latenciesMs.length, nowMs);
    if (slowCount > 0) recent.add(columns.ackedSlowly, slowCount, nowMs);
  }

  nack(type: DeliveryType, count: number, nowMs: number): void {
    this.nacks.add(type, count);
    this.#window().add(deliveryTypes.indexOf(type), count, nowMs);
  }

  expire(type: DeliveryType, count: number, nowMs: number): void {
    this.expiries.add(type, count);
    this.#window().add(columns.expired, count, nowMs);
  }

  /** Made when it is first counted in. */
  policies(): PolicySeries {
    return (this.#policies ??= new PolicySeries());
  }

  transforms(): TransformSeries {
    return (this.#transforms ??= new TransformSeries());
  }

  writeTransforms(page: Page, name: string): void {
    this.#transforms?.write(page, name, this.labels);
  }

  sought(code: StatusCode, nowMs: number): void {
    this.policies().sought(code);
    this.#window().add(columns.sought, 1, nowMs);
  }

  writeAcked(page: Page, name: string): void {
    this.acked.write(page, name, this.labels);
    this.#policies?.writeFiltered(page, name, this.labels);
  }

  writeDeadLetters(page: Page, name: string): void {
    this.#policies?.deadLetters.writeCodes(page, name, this.labels);
  }

  writeSeeks(page: Page, name: string): void {
    this.#policies?.seeks.writeCodes(page, name, this.labels);
  }

  writeWarnings(page: Page, name: string): void {
    this.#policies?.writeWarnings(page, name, this.labels);
  }

  writePushCounts(page: Page, name: string): void {
    this.#pushes?.writeCounts(page, name, this.labels);
  }

  writePushLatencies(page: Page, name: string): void {
    this.#pushes?.writeLatencies(page, name, this.labels);
  }

  writeAckLatencies(page: Page, name: string): void {
    for (const [column, latencies] of Object.entries(this.#ackLatencies)) {
      latencies.write(page, name, `${this.labels},${typeLabels[Number(column)] ?? ''}`);
    }
  }

  /** Google's is a gauge: what was given back in the last minute. */
  writeRecentNacks(page: Page, name: string, nowMs: number): void {
    for (const [column, type] of deliveryTypes.entries()) {
      if (this.nacks.of(type) === 0) continue;
      const count = this.#window().sum(column, minuteMs, nowMs);
      page.sample(name, `${this.labels},${typeLabels[column] ?? ''}`, count);
    }
  }

  /** 1 or 0 for each criterion that can be told from what is counted. */
  writeHealth(page: Page, name: string, nowMs: number): void {
    const recent = (column: number): number => this.#recent?.sum(column, healthSpanMs, nowMs) ?? 0;
    const nacked = deliveryTypes.reduce((sum, _, column) => sum + recent(column), 0);
    const criteria = {
      ack_latency: recent(columns.ackedSlowly) <= recent(columns.acked) / 1000,
      expired_ack_deadlines: recent(columns.expired) === 0,
      nack_requests: nacked === 0,
      seek_requests: recent(columns.sought) === 0,
    };
    for (const [criterion, isHealthy] of Object.entries(criteria)) {
      const labels = `${this.labels},${labelText({ criteria: criterion })}`;
      page.sample(name, labels, isHealthy ? 1 : 0);
    }
  }

  #window(): RecentWindow {
    this.#recent ??= new RecentWindow(deliveryTypes.length + Object.keys(columns).length);
    return this.#recent;
  }
}

function perWay(): Record<'pull' | 'streaming pull', CodeCounts> {
  return { pull: new CodeCounts(), 'streaming pull': new CodeCounts() };
}
