import { expect, test } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { BatchPublisher } from './batch-publisher.ts';
import type { MessageSender } from './message-sender.ts';
import type { OutgoingMessage } from './outgoing-message.ts';

/** A sender whose answers come when the test says so. */
class HeldSender implements MessageSender {
  readonly repeatedCount = 0;
  readonly batches: (readonly OutgoingMessage[])[] = [];
  readonly #answers: PromiseWithResolvers<readonly string[]>[] = [];

  async send(batch: readonly OutgoingMessage[]): Promise<readonly string[]> {
    this.batches.push(batch);
    const answer = Promise.withResolvers<readonly string[]>();
    this.#answers.push(answer);
    return await answer.promise;
  }

  answer(): void {
    this.#answers.shift()!.resolve(this.batches.at(-1)!.map(() => 'id'));
  }

  refuse(): void {
    this.#answers.shift()!.reject(new Error('no'));
  }
}

const message = (size = 1): OutgoingMessage => ({
  data: new Uint8Array(size),
  attributes: {},
  orderingKey: '',
});

function open(): { clock: VirtualClock; sender: HeldSender; publisher: BatchPublisher } {
  const clock = new VirtualClock();
  const sender = new HeldSender();
  const onPublished = (): Promise<void> => Promise.resolve();
  const publisher = new BatchPublisher({ sender, clock, inFlightMax: 1, onPublished });
  return { clock, sender, publisher };
}

test('a lone message leaves after a moment, and full batches at once', async () => {
  const { clock, sender, publisher } = open();
  await publisher.add(message());
  expect(sender.batches).toHaveLength(0);
  await clock.advance(20);
  expect(sender.batches.map((batch) => batch.length)).toEqual([1]);
  sender.answer();
  await clock.settle();
  for (let n = 0; n < 1000; n++) await publisher.add(message());
  expect(sender.batches.map((batch) => batch.length)).toEqual([1, 1000]);
});

test('who adds waits while a batch is on its way and the next is full', async () => {
  const { clock, sender, publisher } = open();
  for (let n = 0; n < 1999; n++) await publisher.add(message());
  let isThrough = false;
  const adding = publisher.add(message()).then(() => (isThrough = true));
  await clock.settle();
  expect([isThrough, sender.batches.length]).toEqual([false, 1]);
  sender.answer();
  await adding;
  expect(sender.batches.map((batch) => batch.length)).toEqual([1000, 1000]);
});

test('batches are bounded in bytes', async () => {
  const { clock, sender, publisher } = open();
  await publisher.add(message(600_000));
  await publisher.add(message(600_000));
  await clock.advance(20);
  expect(sender.batches.map((batch) => batch.length)).toEqual([1]);
});

test('after a failure nothing is sent, and everything is counted', async () => {
  const { clock, sender, publisher } = open();
  await publisher.add(message());
  await clock.advance(20);
  await publisher.add(message());
  sender.refuse();
  await clock.settle();
  expect(publisher.failed.aborted).toBe(true);
  await publisher.add(message());
  await publisher.finish();
  expect(sender.batches).toHaveLength(1);
  expect([publisher.addedCount, publisher.publishedCount]).toEqual([3, 0]);
  expect(publisher.failure).toEqual(new Error('no'));
});
