import type { BacklogReport, SnapshotReport, TopicReport } from './observer.ts';
import type { Registry } from './registry.ts';
import { backlogReport, topicReport } from './reports.ts';

/** Resources that are reported on before the event loop is looked at. */
const reportsPerTurn = 16;

/**
 * Where everything stands, for the gauges. One after the other: each may read a segment, and there
 * may be thousands.
 */
export class Reporter {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Subscriptions that are attached to a topic, deleted or not. */
  async backlogs(): Promise<BacklogReport[]> {
    const states = this.#registry.allSubscriptions().filter(({ isEnded }) => !isEnded);
    const { store } = this.#registry.ports;
    return await this.#each(
      states,
      async (state, nowMs) => await backlogReport(state, store, nowMs),
    );
  }

  /** Topics that were not deleted. */
  async topics(): Promise<TopicReport[]> {
    const { topics, ports } = this.#registry;
    return await this.#each(
      topics.values(),
      async (topic, nowMs) => await topicReport(topic, ports.store, nowMs),
    );
  }

  async snapshots(): Promise<SnapshotReport[]> {
    const { snapshots } = this.#registry;
    return await this.#each(
      snapshots.values(),
      async (snapshot, nowMs) => await snapshot.report(nowMs),
    );
  }

  async #each<State, Report>(
    states: Iterable<State>,
    report: (state: State, nowMs: number) => Promise<Report>,
  ): Promise<Report[]> {
    const { clock } = this.#registry.ports;
    const reports: Report[] = [];
    for (const state of states) {
      reports.push(await report(state, clock.wallMs()));
      if (reports.length % reportsPerTurn === 0) {
        await new Promise<void>((resolve) => clock.soon(resolve));
      }
    }
    return reports;
  }
}
