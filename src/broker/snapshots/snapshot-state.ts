import type { SnapshotRow } from '../catalog/catalog-rows.ts';
import { PublishTime } from '../lanes/publish-time.ts';
import type { SnapshotReport } from '../observer.ts';
import type { TopicState } from '../topic-state.ts';

/** One snapshot: it keeps its topic's log from its floor on. */
export class SnapshotState {
  row: SnapshotRow;
  readonly topic: TopicState;
  readonly #oldestTime: PublishTime;

  constructor(row: SnapshotRow, topic: TopicState) {
    this.row = row;
    this.topic = topic;
    this.#oldestTime = new PublishTime(topic.reader);
  }

  get floor(): number {
    return this.row.floor;
  }

  /** What a seek to it would bring back; `nowMs` of the wall clock. Reads one segment at most. */
  async report(nowMs: number): Promise<SnapshotReport> {
    const { name, floor, frontier, holeCount } = this.row;
    const { tail, sizes } = this.topic.lane;
    const messageCount = holeCount + Math.max(0, tail - frontier);
    // Asked first: what is read tells how large messages are.
    const oldestMs = messageCount === 0 ? nowMs : await this.#oldestTime.of(floor);
    return {
      snapshot: name,
      messageCount,
      backlogBytes: Math.round(holeCount * sizes.meanBytes + sizes.bytesBetween(frontier, tail)),
      oldestMessageAgeSeconds: Math.max(0, (nowMs - oldestMs) / 1000),
    };
  }
}
