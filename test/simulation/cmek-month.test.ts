import { expect, test } from 'vitest';

import { noFailpoints, silentLogger } from '../../src/runtime/index.ts';
import { openDekManager, type DekManager } from '../../src/envelope/index.ts';
import { sealedTopic, testProviders } from '../support/dek-bench.ts';
import { keyName, openKmsBench } from '../support/embedded-kms.ts';
import { MetricsPage } from '../support/metrics-page.ts';
import { operator } from '../support/operator-keys.ts';
import { SeededEntropy } from '../support/seeded-entropy.ts';

const minuteMs = 60_000;
const monthMinutes = 30 * 24 * 60;

/** Uses one topic every minute of thirty days through so many caches; what the page then reads. */
async function monthOf(cacheCount: number): Promise<{ encrypt: number; decrypt: number }> {
  let page: MetricsPage | null = null;
  const bench = await openKmsBench({
    observer: { call: (call) => page?.metrics.kms.call(call) },
  });
  const { clock, service: keys, keyStore } = bench;
  page = new MetricsPage(clock);
  const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
  const bindings = [{ role, members: [await keys.pubsubServiceAgent('p')] }];
  await keys.setIamPolicy(keyName, { bindings }, operator);
  const caches: DekManager[] = [];
  for (let seed = 1; seed <= cacheCount; seed++) {
    const entropy = new SeededEntropy(seed);
    const ports = { keys, rows: keyStore, clock, entropy, log: silentLogger };
    caches.push(
      await openDekManager({ ...ports, providers: testProviders(), failpoints: noFailpoints }),
    );
  }
  const topic = sealedTopic(1, keyName);
  for (let minute = 0; minute < monthMinutes; minute++) {
    if (minute > 0) await clock.advance(minuteMs);
    // Publishers are in one zone, subscribers in all of them.
    const { version } = await caches[0]!.forSeal(topic);
    for (const cache of caches) await cache.forOpen(topic, version);
  }
  const requests = 'sealpost_kms_requests_total';
  const encrypt = await page.sum(requests, { operation: 'Encrypt' });
  const decrypt = await page.sum(requests, { operation: 'Decrypt' });
  for (const cache of caches) cache.close();
  return { encrypt, decrypt };
}

// Seed: "1 key access for ENCRYPT * (30 days * 24 hours) / 6 hours + 3 key accesses for DECRYPT *
// (30 days * 24 hours * 60 minutes) / 6 minutes = 21,720 Cloud KMS key access events".
test('the metrics page reads 120 Encrypt and 7,200 Decrypt after thirty days with one cache', async () => {
  expect(await monthOf(1)).toEqual({ encrypt: 120, decrypt: 7_200 });
}, 300_000);

test('with three caches, as in three zones, it reads 21,720 events', async () => {
  const { encrypt, decrypt } = await monthOf(3);
  expect(encrypt).toBe(120);
  expect(encrypt + decrypt).toBe(21_720);
}, 300_000);
