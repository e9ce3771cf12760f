import { expect, test } from 'vitest';

import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { pollIntervalMs } from './remote-limits.ts';
import { VersionPoll, type VersionLook } from './version-poll.ts';

test('a poll that is stopped and started during a round goes on with one round at a time', async () => {
  const clock = new VirtualClock();
  const looks: ((look: VersionLook) => void)[] = [];
  const look = (): Promise<VersionLook> => new Promise((resolve) => looks.push(resolve));
  const poll = new VersionPoll({ look, clock, onChange: () => undefined });
  poll.used('projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1');
  poll.start();
  await clock.advance(pollIntervalMs);
  expect(looks).toHaveLength(1);
  poll.stop();
  poll.start();
  looks[0]!({ isEnabled: true });
  await clock.advance(pollIntervalMs);
  expect(looks).toHaveLength(2);
  looks[1]!({ isEnabled: true });
  await clock.advance(pollIntervalMs);
  expect(looks).toHaveLength(3);
  poll.stop();
  looks[2]!({ isEnabled: true });
  await clock.advance(2 * pollIntervalMs);
  expect(looks).toHaveLength(3);
});
