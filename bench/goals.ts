import { median, type Row } from './measurement.ts';

/** One promise of the design, and whether this run kept it. */
export interface Verdict {
  readonly scenario: string;
  readonly goal: string;
  /** NaN when a part of it was not measured. */
  readonly measured: number;
  readonly target: number;
  readonly isMet: boolean | null;
  readonly unit: string;
}

interface Goal {
  readonly scenario: string;
  readonly goal: string;
  readonly unit: string;
  readonly target: number;
  readonly sense: 'at least' | 'at most';
  readonly measure: (value: (subject: string) => number) => number;
}

const goals: readonly Goal[] = [
  ratio('publish-one', 'sealpost gRPC', 'emulator gRPC', 3),
  ratio('publish-batch', 'sealpost gRPC', 'emulator gRPC', 2),
  ratio('publish-batch', 'sealpost REST', 'echo REST json', 0.4),
  ratio('drain', 'sealpost stream acks', 'emulator stream acks', 50),
  ratio('drain', 'sealpost stream acks', 'nats acks', 1),
  ratio('websocket-one', 'sealpost proto', 'nats', 2),
  ratio('websocket-one', 'sealpost proto', 'redis', 1),
  {
    scenario: 'websocket-idle',
    goal: 'memory of an idle subscribed connection',
    unit: 'bytes',
    target: 50 * 1024,
    sense: 'at most',
    measure: (value) => value('sealpost'),
  },
  {
    scenario: 'latency',
    goal: 'sealpost p50 beyond echo p50 + durable put p50',
    unit: 'ms',
    target: 0.15,
    sense: 'at most',
    measure: (value) => value('sealpost gRPC') - value('echo gRPC') - value('durable put'),
  },
  {
    scenario: 'ready',
    goal: 'ready after the start',
    unit: 's',
    target: 1,
    sense: 'at most',
    measure: (value) => value('sealpost'),
  },
  {
    scenario: 'disk',
    goal: 'on disk for a 64-byte message',
    unit: 'bytes',
    target: 200,
    sense: 'at most',
    measure: (value) => value('sealpost'),
  },
];

function ratio(scenario: string, ours: string, theirs: string, target: number): Goal {
  return {
    scenario,
    goal: `${ours} / ${theirs}`,
    unit: 'x',
    target,
    sense: 'at least',
    measure: (value) => value(ours) / value(theirs),
  };
}

/** Judges the goals of every scenario that has rows. */
export function judge(rows: readonly Row[]): Verdict[] {
  return goals
    .filter(({ scenario }) => rows.some((row) => row.scenario === scenario))
    .map(({ measure, sense, ...goal }) => {
      const measured = measure((subject) => {
        const row = rows.find((one) => one.scenario === goal.scenario && one.subject === subject);
        return median((row?.samples ?? []).map(({ value }) => value));
      });
      const isMet = sense === 'at least' ? measured >= goal.target : measured <= goal.target;
      return { ...goal, measured, isMet: Number.isNaN(measured) ? null : isMet };
    });
}
