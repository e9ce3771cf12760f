import { expect, test } from 'vitest';

import { BrokerHarness, type HarnessOptions } from '../../../test/support/broker-harness.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';
import { segmentFilters } from '../../envelope/index.ts';
import { sealableMessage } from '../index.ts';
import type { Topic } from '../service.ts';

const redOnly = { filter: 'attributes.colour = "red"' };

/** Messages in one request: `red1` has the attribute colour=red and the data `red1`. */
async function publish(harness: BrokerHarness, topic: string, texts: string): Promise<string[]> {
  const messages = texts.split(' ').map((text) => {
    const attributes = [['colour', text.replace(/\d+$/, '')]] as const;
    return sealableMessage({ data: Buffer.from(text), attributes, orderingKey: '' });
  });
  return await harness.until(harness.broker.publish(topic, messages));
}

async function pulled(harness: BrokerHarness, subscription: string): Promise<string> {
  const received = await harness.pull(subscription);
  await harness.acknowledge(
    subscription,
    received.map(({ ackId }) => ackId),
  );
  return received.map(({ text }) => text).join(' ');
}

async function unacked(harness: BrokerHarness, subscription: string): Promise<number> {
  const reports = await harness.until(harness.broker.backlogs());
  return reports.find((report) => report.subscription === subscription)!.unackedCount;
}

/** First sequence that the topic's log still holds, and its end. */
async function kept(harness: BrokerHarness): Promise<number[]> {
  const [tail] = await harness.store.tails([1]);
  return [tail!.trim, tail!.next];
}

/** Slots of each stored segment of the first topic; null without a section. */
async function storedSlots(harness: BrokerHarness): Promise<(readonly number[] | null)[]> {
  const segments = await harness.store.read(1, 0, 1 << 20);
  return segments.map(({ body, count }) => segmentFilters(body, count)?.slots ?? null);
}

async function opened(options: HarnessOptions = {}): Promise<{
  harness: BrokerHarness;
  topic: string;
  red: string;
  recorder: EventRecorder;
}> {
  const recorder = new EventRecorder();
  const harness = await BrokerHarness.open({ ...options, observer: recorder.observer });
  const topic = await harness.createTopic('colours');
  const red = await harness.createSubscription('red', topic, redOnly);
  return { harness, topic, red, recorder };
}

/** How many messages each report of `filtered` told of. */
function filtered(recorder: EventRecorder, subscription: string): number {
  const events = recorder.take('filtered').filter(([, name]) => name === subscription);
  return events.reduce((sum, [, , count]) => sum + (count as number), 0);
}

test('trap: what the filter keeps away is never delivered, acknowledged at once and counted', async () => {
  const { harness, topic, red, recorder } = await opened();
  const all = await harness.createSubscription('all', topic);
  await publish(harness, topic, 'red1 blue1 red2 green1');
  expect(filtered(recorder, red)).toBe(2);
  expect(await unacked(harness, red)).toBe(2);
  expect(await pulled(harness, red)).toBe('red1 red2');
  expect(await pulled(harness, all)).toBe('red1 blue1 red2 green1');
  expect(await unacked(harness, red)).toBe(0);
  expect(filtered(recorder, red)).toBe(0);
  expect(await pulled(harness, red)).toBe('');
  await harness.close();
});

test('trap: `!=` is true of a message without the attribute', async () => {
  const { harness, topic } = await opened();
  const other = await harness.createSubscription('other', topic, {
    filter: 'attributes.size != "big" AND attributes.colour != "red"',
  });
  await publish(harness, topic, 'red1 blue1');
  expect(await pulled(harness, other)).toBe('blue1');
  await harness.close();
});

test('the filter is shown as it was given, and nothing else of how it is kept', async () => {
  const { harness, topic, red } = await opened();
  const shown = await harness.broker.getSubscription(red);
  expect(shown.filter).toBe(redOnly.filter);
  expect(JSON.stringify(shown)).not.toMatch(/slot/i);
  expect(JSON.stringify(await harness.broker.getTopic(topic))).not.toMatch(/slot/i);
  await harness.close();
});

test('backlog gauges count only what matches', async () => {
  const { harness, topic, red } = await opened();
  const all = await harness.createSubscription('all', topic);
  await publish(harness, topic, 'red1 blue1 blue2 blue3');
  await publish(harness, topic, 'blue4 blue5 red2 blue6');
  const reports = await harness.until(harness.broker.backlogs());
  const of = (name: string) => reports.find(({ subscription }) => subscription === name)!;
  expect([of(red).unackedCount, of(all).unackedCount]).toEqual([2, 8]);
  expect(of(red).backlogBytes).toBe(Math.round(of(all).backlogBytes / 4));
  await harness.close();
});

test('a filter that cannot be read is refused before anything is stored', async () => {
  const { harness, topic } = await opened();
  const bad = harness.createSubscription('bad', topic, { filter: 'bogus(' });
  await expect(bad).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('filter: position 1: expected attributes') as string,
  });
  await harness.restart();
  await harness.createSubscription('bad', topic, redOnly);
  await harness.close();
});

test('a stream that is caught up gets what matches, and nothing is opened of what does not', async () => {
  const { harness, topic, red, recorder } = await opened();
  const probe = await harness.openStream(red);
  recorder.take();
  for (let i = 0; i < 20; i++) await publish(harness, topic, `blue${i}`);
  await harness.clock.settle();
  expect(recorder.take('opened')).toEqual([]);
  await publish(harness, topic, 'red1 blue20');
  await harness.clock.settle();
  expect(probe.take().map(({ text }) => text)).toEqual(['red1']);
  probe.stream.close();
  await harness.close();
});

test('without any filter segments carry no section', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('plain');
  await harness.createSubscription('all', topic);
  await publish(harness, topic, 'red1');
  expect(await storedSlots(harness)).toEqual([null]);
  await harness.close();
});

test('equal filters share a slot, and a slot that nobody uses is never used again', async () => {
  const { harness, topic, red } = await opened();
  const twin = await harness.createSubscription('twin', topic, redOnly);
  await publish(harness, topic, 'red1');
  await harness.until(harness.broker.deleteSubscription(red));
  await publish(harness, topic, 'red2');
  await harness.until(harness.broker.deleteSubscription(twin));
  await publish(harness, topic, 'red3');
  await harness.restart();
  const again = await harness.createSubscription('again', topic, redOnly);
  await harness.createSubscription('blue', topic, { filter: 'attributes.colour = "blue"' });
  await harness.createSubscription('keep', topic);
  await publish(harness, topic, 'red4 blue4');
  expect((await storedSlots(harness)).slice(-1)).toEqual([[1, 2]]);
  expect(await pulled(harness, again)).toBe('red4');
  await harness.close();
});

test('a change of the topic keeps its count of slots', async () => {
  const { harness, topic } = await opened();
  const labelled = (stored: Topic): Topic => ({ ...stored, labels: { a: 'b' } });
  await harness.until(harness.broker.updateTopic(topic, labelled, ['labels']));
  await harness.createSubscription('blue', topic, { filter: 'attributes.colour = "blue"' });
  await publish(harness, topic, 'red1');
  expect(await storedSlots(harness)).toEqual([[0, 1]]);
  await harness.close();
});

test('after a crash filters go on, also over what was published before', async () => {
  const { harness, topic, red, recorder } = await opened();
  await publish(harness, topic, 'blue1 red1');
  await publish(harness, topic, 'blue2');
  await publish(harness, topic, 'red2 blue3 red3');
  await harness.restart();
  await publish(harness, topic, 'blue4 red4');
  recorder.take();
  expect(await pulled(harness, red)).toBe('red1 red2 red3 red4');
  expect(await unacked(harness, red)).toBe(0);
  expect(filtered(recorder, red), 'they were counted when they were published').toBe(0);
  await harness.restart();
  expect(await pulled(harness, red)).toBe('');
  await harness.close();
});

test('a seek back applies the filter again, and counts nothing twice', async () => {
  const { harness, topic } = await opened();
  const keeps = await harness.createSubscription('keeps', topic, {
    ...redOnly,
    retainAckedMessages: true,
  });
  const startMs = harness.clock.wallMs();
  await publish(harness, topic, 'blue1 red1 blue2');
  await publish(harness, topic, 'blue3');
  await publish(harness, topic, 'red2');
  expect(await pulled(harness, keeps)).toBe('red1 red2');
  await harness.until(harness.broker.seek(keeps, { timeMs: startMs }));
  expect(await unacked(harness, keeps)).toBe(2);
  expect(await pulled(harness, keeps)).toBe('red1 red2');
  expect(await unacked(harness, keeps)).toBe(0);
  await harness.close();
});

test('a seek into the future leaves nothing, and what is published then is counted from there', async () => {
  const { harness, topic, red } = await opened();
  await publish(harness, topic, 'red1 blue1 red2');
  await harness.until(harness.broker.seek(red, { timeMs: harness.clock.wallMs() + 3_600_000 }));
  expect(await unacked(harness, red)).toBe(0);
  await publish(harness, topic, 'blue2 red3');
  expect(await unacked(harness, red)).toBe(1);
  expect(await pulled(harness, red)).toBe('red3');
  await harness.close();
});

test('of 70 distinct filters 64 are evaluated at publish, and all of them work', async () => {
  const { harness, topic, recorder } = await opened();
  const names: string[] = [];
  for (let i = 1; i < 70; i++) {
    const filter = `attributes.colour = "c${String.fromCharCode(97 + (i % 26))}${'x'.repeat(i / 26)}"`;
    names.push(await harness.createSubscription(`s${i}`, topic, { filter }));
  }
  const late = names.at(-1)!;
  recorder.take();
  await publish(harness, topic, 'red1 cr2 cax3 cqxx4 cdxx5');
  expect((await storedSlots(harness))[0]).toHaveLength(64);
  expect(await unacked(harness, late), 'an upper bound, as nobody has looked').toBe(5);
  expect(filtered(recorder, late)).toBe(0);
  for (const [i, text] of [
    [17, 'cr2'],
    [26, 'cax3'],
    [68, 'cqxx4'],
    [69, ''],
  ] as const) {
    expect(await pulled(harness, names[i - 1]!), `filter ${i}`).toBe(text);
    expect(await unacked(harness, names[i - 1]!)).toBe(0);
  }
  expect(filtered(recorder, late), 'counted when they are scanned').toBe(5);
  await harness.close();
});

test('the sweep counts and passes over what was published before the start', async () => {
  const { harness, topic, red } = await opened();
  for (let i = 0; i < 10; i++) await publish(harness, topic, `blue${i} green${i}`);
  await harness.restart();
  await publish(harness, topic, 'blue10');
  expect(await unacked(harness, red)).toBe(20);
  await harness.until(harness.broker.sweep());
  expect(await unacked(harness, red)).toBe(0);
  // What was passed over is made durable within a second or so.
  await harness.clock.advance(2_000);
  await publish(harness, topic, 'red11');
  await publish(harness, topic, 'blue11 red12 blue12');
  await harness.restart();
  expect(await unacked(harness, red)).toBe(4);
  await publish(harness, topic, 'red13 blue13');
  expect(await unacked(harness, red)).toBe(5);
  await harness.until(harness.broker.sweep());
  expect(await unacked(harness, red), 'exact, though nobody pulls').toBe(3);
  expect(await pulled(harness, red)).toBe('red11 red12 red13');
  await harness.close();
});

test('a filtered subscription without consumers does not hold the log', async () => {
  const { harness, topic, red } = await opened();
  await publish(harness, topic, 'red0');
  for (let i = 0; i < 5; i++) await publish(harness, topic, `blue${i}`);
  await publish(harness, topic, 'red1');
  await publish(harness, topic, 'blue6');
  expect(await pulled(harness, red)).toBe('red0 red1');
  await harness.until(harness.broker.sweep());
  expect(await kept(harness)).toEqual([7, 8]);
  for (let i = 0; i < 5; i++) await publish(harness, topic, `blue${i}`);
  await harness.until(harness.broker.sweep());
  expect(await kept(harness)).toEqual([12, 13]);
  await harness.close();
});

test('one whose filter has no slot is looked at in the messages, and lets the log go as well', async () => {
  const { harness, topic, recorder } = await opened();
  for (let i = 1; i < 64; i++) {
    await harness.createSubscription(`s${i}`, topic, { filter: `attributes:a${i}` });
  }
  const blue = await harness.createSubscription('blue', topic, {
    filter: 'attributes.colour = "blue"',
  });
  for (let i = 0; i < 5; i++) await publish(harness, topic, `green${i}`);
  await publish(harness, topic, 'blue1');
  await publish(harness, topic, 'green5');
  await harness.until(harness.broker.sweep());
  expect(await kept(harness)).toEqual([5, 7]);
  expect(filtered(recorder, blue)).toBe(5);
  expect(await pulled(harness, blue)).toBe('blue1');
  await harness.until(harness.broker.sweep());
  expect(await unacked(harness, blue)).toBe(0);
  expect(filtered(recorder, blue)).toBe(1);
  await harness.close();
});

test('without the key nothing moves but what was seen at publish, and nothing is delivered', async () => {
  const recorder = new EventRecorder();
  const harness = await BrokerHarness.open({ observer: recorder.observer });
  const key = await harness.createKey();
  const topic = await harness.createTopic('colours', { kmsKeyName: key.name });
  const red = await harness.createSubscription('red', topic, redOnly);
  for (let i = 0; i < 3; i++) await publish(harness, topic, `blue${i}`);
  await harness.restart();
  await harness.setKeyEnabled(key.version, false);
  const before = await unacked(harness, red);
  await harness.until(harness.broker.sweep());
  expect(await unacked(harness, red)).toBe(before);
  await expect(harness.pull(red)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  await expect(publish(harness, topic, 'red1')).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
  });
  await harness.setKeyEnabled(key.version, true);
  await harness.until(harness.broker.sweep());
  expect(await unacked(harness, red)).toBe(0);
  await publish(harness, topic, 'red1 blue4');
  expect(await pulled(harness, red)).toBe('red1');
  await harness.close();
});
