import { expect, test } from 'vitest';
import type { Diagnosis, Finding } from './diagnosis.ts';
import { remedyOf } from './remedies.ts';

const of = (topic: string): Diagnosis => ({
  subscription: 'projects/p/subscriptions/kitchen',
  topic,
  findings: [],
});
const orders = of('projects/p/topics/orders');

const refused = (why: string): Finding => ({
  severity: 'error',
  reason: 'PUSH_ADDRESS_REFUSED',
  message: `Push to http://hook delivers nothing. 10.0.0.1 may not be called: ${why}`,
});
const elsewhere = 'sealpost subscriptions modify-push-config kitchen --push-endpoint URL';

test('--outgoing-allow is advised where the server says that it would help', () => {
  const remedy = remedyOf(refused('private, see --outgoing-allow'), orders);
  expect(remedy).toBe(`${elsewhere}, or a server with --outgoing-allow`);
});

test.each(['our own listener', 'metadata service', 'link-local'])(
  'an address that is never called, %s, is left for another one',
  (why) => {
    expect(remedyOf(refused(why), orders)).toBe(elsewhere);
  },
);

const detached: Finding = { severity: 'warning', reason: 'SUBSCRIPTION_DETACHED', message: '' };

test('a detached subscription is deleted and created anew, while its topic is there', () => {
  expect(remedyOf(detached, orders)).toBe(
    'sealpost subscriptions delete kitchen, then: sealpost subscriptions create kitchen --topic orders',
  );
  expect(remedyOf(detached, of('_deleted-topic_'))).toBe('sealpost subscriptions delete kitchen');
});

test.each(['KEY_UNUSABLE', 'PUSH_STALLED'])(
  '%s is mended by the version that the message names',
  (reason) => {
    const version =
      'projects/p/locations/global/keyRings/cafe/cryptoKeys/orders/cryptoKeyVersions/1';
    const message = `It waits. KEY_DISABLED: ${version} is not enabled, current state is: DISABLED.`;
    const key = { name: 'the newest one', isUsable: true };
    const finding: Finding = { severity: 'error', reason, message };
    expect(remedyOf(finding, { ...orders, key })).toBe(
      'sealpost keys versions enable cafe/orders 1',
    );
  },
);
