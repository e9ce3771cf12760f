import { afterAll, beforeAll, expect, test } from 'vitest';

import { AccountServer } from '../support/account-server.ts';

const topic = 'projects/shop/topics/orders';
const subscription = 'projects/shop/subscriptions/kitchen';

const guarded = new AccountServer();
beforeAll(async () => {
  await guarded.start(['visitor']);
  await guarded.administer('PUT', `/v1/${topic}`, {});
  await guarded.administer('PUT', `/v1/${subscription}`, { topic });
});
afterAll(() => guarded.stop());

test('a pull that waits ends when the condition by which it was let in holds no more', async () => {
  const endMs = guarded.server.clock.wallMs() + 15_000;
  const condition = {
    title: 'for a moment',
    expression: `request.time < timestamp("${new Date(endMs).toISOString()}")`,
  };
  const members = [guarded.member('visitor')];
  const bindings = [{ role: 'roles/pubsub.subscriber', members, condition }];
  await guarded.administer('POST', `/v1/${subscription}:setIamPolicy`, {
    policy: { version: 3, bindings },
  });
  const pull = (): Promise<{ status: number }> =>
    guarded.call('visitor', 'POST', `/v1/${subscription}:pull`, { maxMessages: 1 });
  const waiting = pull();
  // Let in at once: another call is answered after it.
  await guarded.administer('GET', `/v1/${topic}`);
  await guarded.server.pass(20_000);
  expect((await waiting).status).toBe(403);
  expect((await pull()).status).toBe(403);
});
