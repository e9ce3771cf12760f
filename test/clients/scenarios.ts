import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { join } from 'node:path';

import { SealpostProcess, temporaryFolder } from '../support/server-process.ts';
import { outputOf, type Readiness } from './client-program.ts';

interface Scenario {
  readonly says: string;
  /** What the program prints if the broker did what production does. */
  readonly facts: object;
}

/** What each program under this folder does with its language's official client. */
const scenarios: Readonly<Record<string, Scenario>> = {
  batching: {
    says: 'publishes in batches, and all of it arrives',
    facts: { ids: 300, received: 300 },
  },
  ordering: {
    says: 'gets ordering keys in order, also after one message was given back',
    facts: { messages: 60, inOrder: true, redelivered: true },
  },
  'exactly-once': {
    says: 'has each exactly-once ack confirmed, a late one refused, a repeated one confirmed',
    facts: { confirmed: 20, late: 'PERMANENT_FAILURE_INVALID_ACK_ID', again: 'OK' },
  },
  'dead-letter': {
    says: 'counts five attempts, and finds the message in the dead-letter topic',
    facts: { attempts: [1, 2, 3, 4, 5], text: 'poison', count: '5', subscription: 'dead-letter' },
  },
  filter: {
    says: 'receives only what its filter lets through',
    facts: { received: ['first', 'second'] },
  },
  snapshot: {
    says: 'gets everything again after a seek to a snapshot',
    facts: { first: ['1', '2', '3'], replayed: ['1', '2', '3'] },
  },
  seek: {
    says: 'seeks to the publish time of a message, that one included, and past everything, once',
    facts: { replayed: ['1', '2', '3'], afterPurge: ['after'] },
  },
  detach: {
    says: 'is refused by a detached subscription',
    facts: { detached: true, pull: 'FAILED_PRECONDITION', stream: 'FAILED_PRECONDITION' },
  },
  'flow-control': {
    says: 'holds no more than its window',
    facts: { received: 60, isBounded: true },
  },
  lease: {
    says: 'keeps a message for two and a half deadlines without a second delivery',
    facts: { deliveries: 1, left: 0 },
  },
};

interface Line {
  readonly scenario: string;
  readonly facts?: object;
  readonly error?: string;
}

/** Runs a program once against a server of its own; a test for each scenario. */
export function describeClient(client: string, ready: Readiness): void {
  if ('missing' in ready) {
    test.skipIf(true)(`${client} runs its scenarios (skipped: ${ready.missing})`, () => undefined);
    return;
  }
  describe(client, () => {
    const folder = temporaryFolder();
    const server = new SealpostProcess([
      'serve',
      '--data-dir',
      join(folder.path, 'data'),
      '--port',
      '0',
    ]);
    let output = '';
    const lines = new Map<string, Line>();
    beforeAll(async () => {
      const PUBSUB_EMULATOR_HOST = new URL(await server.url()).host;
      output = await outputOf(ready.program, { PUBSUB_EMULATOR_HOST }, 150_000);
      for (const text of output.split('\n').filter((each) => each.startsWith('{"'))) {
        const line = JSON.parse(text) as Line;
        lines.set(line.scenario, line);
      }
    }, 300_000);
    afterAll(async () => {
      await server.stop();
      folder.remove();
      ready.remove();
    });

    for (const [scenario, { says, facts }] of Object.entries(scenarios)) {
      test(says, () => {
        expect(lines.get(scenario), output).toEqual({ scenario, facts });
      });
    }
  });
}
