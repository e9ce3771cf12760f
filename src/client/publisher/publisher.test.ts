import { describe, expect, test } from 'vitest';
import { errorFrame, ScriptedSession, type Frame } from '../../../test/support/scripted-session.ts';

const topic = 'projects/p/topics/t';

/** Topic-less form of publish frames: id, data and key of each message. */
const shapes = (frames: readonly Frame[]): [number | undefined, string][] =>
  frames.map(({ id, publish }) => {
    const { messages } = publish as { messages: { data: string; orderingKey?: string }[] };
    return [id, messages.map(({ data, orderingKey = '' }) => orderingKey + atob(data)).join()];
  });

const published = (id: number, ...messageIds: string[]): Frame => ({
  id,
  published: { messageIds },
});

describe('batches', () => {
  test('hold what one turn publishes, by topic and key, in order', async () => {
    const session = new ScriptedSession();
    const { client } = session;
    void client.publish(topic, { data: 'a' });
    void client.publish(topic, [{ data: 'b' }, { data: '1', orderingKey: 'k' }]);
    void client.publish('projects/p/topics/other', { data: 'c' });
    void client.publish(topic, { data: '2', orderingKey: 'k' });
    expect(shapes(await session.frames())).toEqual([
      [1, 'a,b'],
      [2, 'k1,k2'],
      [3, 'c'],
    ]);
  });

  test('resolve each publish to its own ids', async () => {
    const session = new ScriptedSession();
    const one = session.client.publish(topic, { data: 'a' });
    const two = session.client.publish(topic, [{ data: 'b' }, { data: 'c' }]);
    const none = session.client.publish(topic, []);
    await session.frames();
    await session.send(published(1, '7', '8', '9'));
    expect([await one, await two, await none]).toEqual(['7', ['8', '9'], []]);
  });

  test('have at most so many messages and bytes', async () => {
    const session = new ScriptedSession({ batching: { messagesMax: 3, bytesMax: 100 } });
    void session.client.publish(
      topic,
      [...'abcdefg'].map((data) => ({ data })),
    );
    void session.client.publish(topic, { data: 'x'.repeat(200) });
    expect(shapes(await session.frames())).toEqual([
      [1, 'a,b,c'],
      [2, 'd,e,f'],
      [3, 'g'],
      [4, 'x'.repeat(200)],
    ]);
  });

  test('wait for company as long as they are told, unless they are full', async () => {
    const session = new ScriptedSession({ batching: { messagesMax: 2, delayMs: 100 } });
    void session.client.publish(topic, { data: 'a' });
    await session.pass(50);
    void session.client.publish(topic, { data: 'b' });
    void session.client.publish(topic, { data: 'c' });
    expect(shapes(await session.frames())).toEqual([[1, 'a,b']]);
    await session.pass(60);
    expect(await session.frames()).toEqual([]);
    await session.pass(20);
    expect(shapes(await session.frames())).toEqual([[2, 'c']]);
    void session.client.publish(topic, { data: 'd' });
    await session.pass(10);
    void session.client.close();
    expect(shapes(await session.frames())).toEqual([[3, 'd']]);
  });

  test('of one ordering key go one at a time', async () => {
    const session = new ScriptedSession();
    const send = (data: string): void =>
      void session.client.publish(topic, { data, orderingKey: 'k' });
    send('1');
    expect(shapes(await session.frames())).toEqual([[1, 'k1']]);
    send('2');
    await session.pass();
    send('3');
    expect(await session.frames()).toEqual([]);
    await session.send(published(1, '1'));
    expect(shapes(await session.frames())).toEqual([[2, 'k2,k3']]);
  });

  test('grow while the server is busy', async () => {
    const session = new ScriptedSession();
    await session.pass();
    for (let n = 0; n < 50; n++) {
      void session.client.publish(topic, { data: String(n) });
      await session.clock.settle(1);
    }
    const frames = shapes(await session.frames());
    expect(frames).toHaveLength(32);
    await session.send(published(1, '1'));
    const rest = Array.from({ length: 18 }, (_, index) => index + 32);
    expect(shapes(await session.frames())).toEqual([[33, rest.join()]]);
  });
});

describe('room', () => {
  test('is waited for in line', async () => {
    const session = new ScriptedSession({ flowControl: { messagesMax: 2 } });
    const all = ['a', 'b', 'c', 'd'].map((data) =>
      session.client.publish(topic, { data, orderingKey: 'k' }),
    );
    expect(shapes(await session.frames())).toEqual([[1, 'ka,kb']]);
    await session.send(published(1, '1', '2'));
    expect(shapes(await session.frames())).toEqual([[2, 'kc,kd']]);
    await session.send(published(2, '3', '4'));
    expect(await Promise.all(all)).toEqual(['1', '2', '3', '4']);
  });

  test('is for bytes too, and a message above all of it goes alone', async () => {
    const session = new ScriptedSession({ flowControl: { bytesMax: 50 } });
    void session.client.publish(topic, { data: 'x'.repeat(100) });
    void session.client.publish(topic, { data: 'y' });
    expect(shapes(await session.frames())).toEqual([[1, 'x'.repeat(100)]]);
    await session.send(published(1, '1'));
    expect(shapes(await session.frames())).toEqual([[2, 'y']]);
  });

  test('is given to nobody twice when one in the line is refused at once', async () => {
    const session = new ScriptedSession({ flowControl: { messagesMax: 2 } });
    const send = (data: string): Promise<string> => session.client.publish(topic, { data });
    const calls = ['a', 'b', 'x'.repeat(2 ** 20), 'c', 'd', 'e'].map(send);
    await session.frames();
    await session.send(published(1, '1', '2'));
    expect(shapes(await session.frames())).toEqual([[2, 'c,d']]);
    await session.send(published(2, '3', '4'));
    expect(shapes(await session.frames())).toEqual([[3, 'e']]);
    await session.send(published(3, '5'));
    expect(await Promise.allSettled(calls)).toMatchObject([
      { value: '1' },
      { value: '2' },
      { reason: { reason: 'MESSAGE_TOO_LARGE' } },
      { value: '3' },
      { value: '4' },
      { value: '5' },
    ]);
  });

  test('has a line that is not endless', async () => {
    const flowControl = { messagesMax: 1, waitingMax: 2 };
    const session = new ScriptedSession({ flowControl });
    const calls = ['a', 'b', 'c', 'd'].map((data) => session.client.publish(topic, { data }));
    await expect(calls[3]).rejects.toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
      reason: 'TOO_MANY_WAITING',
    });
  });
});

describe('a refusal', () => {
  test.each([
    [4, 'DEADLINE_EXCEEDED'],
    [8, 'RESOURCE_EXHAUSTED'],
    [10, 'ABORTED'],
    [14, 'UNAVAILABLE'],
  ])('%i is tried again in order, with back-off', async (code, status) => {
    const session = new ScriptedSession({ publishRetryMs: 1_000 });
    session.answersPings = true;
    const first = session.client.publish(topic, { data: '1', orderingKey: 'k' });
    await session.frames();
    const second = session.client.publish(topic, { data: '2', orderingKey: 'k' });
    await session.pass();
    await session.send(errorFrame(1, code, 'LATER'));
    expect(await session.frames()).toEqual([]);
    await session.pass(60);
    expect(shapes(await session.frames())).toEqual([[2, 'k1,k2']]);
    await session.pass(1_000);
    await session.send(errorFrame(2, code, 'LATER'));
    await expect(first).rejects.toMatchObject({ status, reason: 'LATER' });
    await expect(second).rejects.toMatchObject({ status, reason: 'LATER' });
  });

  test.each([
    [5, 'NOT_FOUND'],
    [7, 'PERMISSION_DENIED'],
    [9, 'FAILED_PRECONDITION'],
    [13, 'INTERNAL'],
  ])('%i is told at once', async (code, status) => {
    const session = new ScriptedSession();
    const call = session.client.publish(topic, { data: 'a' });
    await session.frames();
    await session.send(errorFrame(1, code, 'KEY_DISABLED'));
    await expect(call).rejects.toMatchObject({
      name: 'SealpostError',
      code,
      status,
      reason: 'KEY_DISABLED',
      message: 'because KEY_DISABLED',
    });
    expect(await session.frames()).toEqual([]);
  });

  test('of one bad message does not hit those that shared its frame', async () => {
    const session = new ScriptedSession();
    const calls = ['a', 'b', 'c'].map((data) => session.client.publish(topic, { data }));
    await session.frames();
    await session.send(errorFrame(1, 3, 'VALUE_TOO_LARGE'));
    expect(shapes(await session.frames())).toEqual([
      [2, 'a'],
      [3, 'b'],
      [4, 'c'],
    ]);
    await session.send(published(2, '1'), errorFrame(3, 3, 'VALUE_TOO_LARGE'), published(4, '2'));
    expect(await Promise.allSettled(calls)).toMatchObject([
      { value: '1' },
      { reason: { status: 'INVALID_ARGUMENT' } },
      { value: '2' },
    ]);
  });

  test.each([
    ['a name that is none', 'topics/t', { data: 'a' }, 'BAD_NAME'],
    ['data of another type', topic, { data: 7 as unknown as string }, 'BAD_MESSAGE'],
    ['an attribute of another type', topic, { attributes: { a: 1 as never } }, 'BAD_MESSAGE'],
    ['a string in place of a message', topic, 'text' as never, 'BAD_MESSAGE'],
    ['bytes in place of a message', topic, Uint8Array.of(1) as never, 'BAD_MESSAGE'],
    ['nothing in place of a message', topic, undefined as never, 'BAD_MESSAGE'],
    ['a field that is none', topic, { dta: 'a' } as never, 'BAD_MESSAGE'],
    ['a text in place of attributes', topic, { attributes: 'a=b' as never }, 'BAD_MESSAGE'],
    ['more than a frame can carry', topic, { data: 'x'.repeat(20_000) }, 'MESSAGE_TOO_LARGE'],
  ])('of %s needs no server', async (_what, name, message, reason) => {
    const session = new ScriptedSession();
    const call = session.client.publish(name, message);
    expect(await session.frames()).toEqual([]);
    await expect(call).rejects.toMatchObject({ status: 'INVALID_ARGUMENT', reason });
  });

  test.each([
    ['text' as never, "A message is an object such as {data: 'text'}, not a string."],
    [{ dta: 'a' } as never, 'A message has data, attributes and orderingKey, and no field "dta".'],
  ])('of %j says what is wrong with it', async (message, text) => {
    const session = new ScriptedSession();
    await expect(session.client.publish(topic, message)).rejects.toThrow(text);
  });

  test('a message that was received may be published as it is', async () => {
    const session = new ScriptedSession();
    const received = { data: 'a', id: '1', publishTime: new Date(0), deliveryAttempt: 0 };
    const published = session.client.publish(topic, received);
    const [frame] = await session.frames();
    expect(frame).toMatchObject({ publish: { topic } });
    await session.send({ id: 1, published: { messageIds: ['7'] } });
    expect(await published).toBe('7');
  });

  test('that nobody looks at is no unhandled one', async () => {
    const session = new ScriptedSession();
    void session.client.publish(topic, { data: 'a' });
    void session.client.publish(topic, [{ data: 'a' }, { data: 'b' }]);
    void session.client.publish('nonsense', { data: 'a' });
    await session.frames();
    await session.send(errorFrame(1, 5, 'NONE'));
  });
});

describe('an ordering key that lost a message', () => {
  const send = (session: ScriptedSession, data: string, orderingKey: string): Promise<string> =>
    session.client.publish(topic, { data, orderingKey });
  const stopped = { status: 'FAILED_PRECONDITION', reason: 'ORDERING_KEY_STOPPED' };

  test('stops: what follows is refused, other keys and no key are not, until it is resumed', async () => {
    const session = new ScriptedSession();
    const lost = send(session, '1', 'k');
    await session.frames();
    const behind = send(session, '2', 'k');
    await session.send(errorFrame(1, 9, 'KEY_DISABLED'));
    await expect(lost).rejects.toMatchObject({ reason: 'KEY_DISABLED' });
    await expect(behind).rejects.toMatchObject(stopped);
    await expect(behind).rejects.toHaveProperty('cause.reason', 'KEY_DISABLED');
    await expect(send(session, '3', 'k')).rejects.toMatchObject(stopped);
    const others = [send(session, 'a', 'other'), session.client.publish(topic, { data: 'b' })];
    expect(shapes(await session.frames())).toEqual([
      [2, 'othera'],
      [3, 'b'],
    ]);
    await session.send(published(2, '7'), published(3, '8'));
    expect(await Promise.all(others)).toEqual(['7', '8']);
    session.client.resumePublishing(topic, 'k');
    const again = send(session, '4', 'k');
    expect(shapes(await session.frames())).toEqual([[4, 'k4']]);
    await session.send(published(4, '9'));
    expect(await again).toBe('9');
  });

  test('to its own fault stops too: those before it are published, those behind it are not', async () => {
    const session = new ScriptedSession();
    const calls = ['1', 'bad', '3'].map((data) => send(session, data, 'k'));
    await session.frames();
    await session.send(errorFrame(1, 3, 'VALUE_TOO_LARGE'));
    expect(shapes(await session.frames())).toEqual([[2, 'k1']]);
    await session.send(published(2, '7'));
    expect(shapes(await session.frames())).toEqual([[3, 'kbad']]);
    await session.send(errorFrame(3, 3, 'VALUE_TOO_LARGE'));
    expect(await session.frames()).toEqual([]);
    expect(await Promise.allSettled(calls)).toMatchObject([
      { value: '7' },
      { reason: { reason: 'VALUE_TOO_LARGE' } },
      { reason: stopped },
    ]);
  });

  test('that no frame can carry stops, and so does what waits for room', async () => {
    const session = new ScriptedSession({ flowControl: { messagesMax: 1 } });
    const lost = send(session, 'x'.repeat(20_000), 'k');
    const waiting = send(session, '2', 'k');
    expect(await session.frames()).toEqual([]);
    await expect(lost).rejects.toMatchObject({ reason: 'MESSAGE_TOO_LARGE' });
    await expect(waiting).rejects.toMatchObject(stopped);
    const free = session.client.publish(topic, { data: 'a' });
    expect(shapes(await session.frames())).toEqual([[1, 'a']]);
    await session.send(published(1, '7'));
    expect(await free).toBe('7');
  });

  test('by its caller’s own signal does not stop', async () => {
    const session = new ScriptedSession();
    const controller = new AbortController();
    const sent = send(session, '1', 'k');
    await session.frames();
    const { signal } = controller;
    const unsent = session.client.publish(topic, { data: '2', orderingKey: 'k' }, { signal });
    const after = send(session, '3', 'k');
    controller.abort(new Error('enough'));
    await expect(unsent).rejects.toThrow('enough');
    await session.send(published(1, '7'));
    expect(shapes(await session.frames())).toEqual([[2, 'k3']]);
    await session.send(published(2, '8'));
    expect(await Promise.all([sent, after])).toEqual(['7', '8']);
  });
});

describe('a signal', () => {
  test('gives up what was not sent, and what was is only not waited for', async () => {
    const session = new ScriptedSession();
    const controller = new AbortController();
    const { signal } = controller;
    const sent = session.client.publish(topic, { data: 'a', orderingKey: 'k' }, { signal });
    await session.frames();
    const unsent = session.client.publish(topic, { data: 'b', orderingKey: 'k' }, { signal });
    const other = session.client.publish(topic, { data: 'c', orderingKey: 'k' });
    await session.pass();
    controller.abort(new Error('enough'));
    await expect(sent).rejects.toThrow('enough');
    await expect(unsent).rejects.toThrow('enough');
    await session.send(published(1, '1'));
    expect(shapes(await session.frames())).toEqual([[2, 'kc']]);
    await session.send(published(2, '2'));
    expect(await other).toBe('2');
    await expect(session.client.publish(topic, { data: 'd' }, { signal })).rejects.toThrow(
      'enough',
    );
  });

  test('frees the place in the line', async () => {
    const session = new ScriptedSession({ flowControl: { messagesMax: 1 } });
    const controller = new AbortController();
    void session.client.publish(topic, { data: 'a' });
    const { signal } = controller;
    const waiting = session.client.publish(topic, { data: 'b' }, { signal });
    const last = session.client.publish(topic, { data: 'c' });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await session.frames();
    await session.send(published(1, '1'));
    expect(shapes(await session.frames())).toEqual([[2, 'c']]);
    await session.send(published(2, '2'));
    expect(await last).toBe('2');
  });
});
