import { describe, expect, test } from 'vitest';
import { deliver, errorFrame, ScriptedSession } from '../../test/support/scripted-session.ts';

const topic = 'projects/p/topics/t';
const source = 'projects/p/subscriptions/s';
const publishOf = (id: number, text: string): object => ({
  id,
  publish: { topic, messages: [{ data: btoa(text) }] },
});

test('hello comes first, and what was asked before the connection after it', async () => {
  const session = new ScriptedSession({ token: 'secret' });
  const published = session.client.publish(topic, { data: 'a' });
  expect(session.client.state).toBe('connecting');
  expect(await session.frames()).toEqual([publishOf(1, 'a')]);
  expect(session.hellos).toEqual([{ sessionId: '', token: 'secret', streams: [] }]);
  await session.send({ id: 1, published: { messageIds: ['7'] } });
  expect(await published).toBe('7');
  expect(session.client.state).toBe('open');
});

describe('a connection that broke', () => {
  test('is replaced; unanswered requests are sent again with their ids', async () => {
    const session = new ScriptedSession();
    const subscription = session.client.subscribe(source);
    const iterator = subscription[Symbol.asyncIterator]();
    const published = session.client.publish(topic, { data: 'a' });
    await session.frames();
    await session.send(
      { id: 1, subscribed: { subscription: source, ackDeadlineSeconds: 10 } },
      deliver(1, 4, ['x']),
    );
    expect((await iterator.next()).value.text()).toBe('x');
    await session.reconnect({ sessionId: 's1', resumed: true });
    expect(session.hellos[1]).toEqual({
      sessionId: 's1',
      token: '',
      streams: [{ stream: 1, sequence: 4 }],
    });
    expect(await session.frames()).toEqual([publishOf(2, 'a')]);
    await session.send({ id: 2, published: { messageIds: ['7'] } });
    expect(await published).toBe('7');
    expect(session.states).toEqual(['open', 'waiting', 'connecting', 'open']);
    await session.send(deliver(1, 4, ['again']), deliver(1, 6, ['y']));
    expect((await iterator.next()).value.text()).toBe('y');
  });

  test('loses the answer to a subscribe, which the server then does not know', async () => {
    const session = new ScriptedSession();
    const subscription = session.client.subscribe(source);
    await session.frames();
    await session.reconnect({ sessionId: 's1', resumed: true });
    expect(await session.frames()).toMatchObject([{ id: 1, subscribe: {} }]);
    await session.send(errorFrame(1, 5, 'STREAM_NOT_FOUND'));
    expect(subscription.state).toBe('opening');
    await session.send({ id: 1, subscribed: { subscription: source } });
    expect(subscription.state).toBe('open');
  });

  test('and whose session is gone: streams open again under their ids, publishes again', async () => {
    const session = new ScriptedSession();
    const subscription = session.client.subscribe(source);
    const published = session.client.publish(topic, { data: 'a' });
    await session.frames();
    await session.send({ id: 1, subscribed: { subscription: source } });
    await session.reconnect({ sessionId: 's2', resumed: false });
    expect(await session.frames()).toMatchObject([
      { id: 1, subscribe: { subscription: source } },
      publishOf(2, 'a'),
    ]);
    await session.send(
      { id: 1, subscribed: { subscription: source } },
      { id: 2, published: { messageIds: ['9'] } },
      deliver(1, 1, ['x']),
    );
    expect(await published).toBe('9');
    expect(subscription.state).toBe('open');
    const { value } = await subscription[Symbol.asyncIterator]().next();
    expect(value.text()).toBe('x');
  });

  test('fails publishes that may have been published, if it shall', async () => {
    const session = new ScriptedSession({ afterSessionLoss: 'fail' });
    const sent = session.client.publish(topic, { data: 'a' });
    await session.frames();
    const reconnected = session.reconnect({ sessionId: 's2', resumed: false });
    const unsent = session.client.publish(topic, { data: 'b' });
    await reconnected;
    await expect(sent).rejects.toMatchObject({ status: 'UNKNOWN', reason: 'SESSION_LOST' });
    expect(await session.frames()).toEqual([publishOf(2, 'b')]);
    await session.send({ id: 2, published: { messageIds: ['9'] } });
    expect(await unsent).toBe('9');
  });

  test('is tried again after times that double up to ten seconds, with jitter', async () => {
    const session = new ScriptedSession({}, () => 0.999);
    session.network.isRefusing = true;
    await session.pass(60_000);
    const { attemptsMs } = session.network;
    const waits = attemptsMs.slice(1).map((at, index) => at - (attemptsMs[index] ?? 0) - 1);
    expect(waits.slice(0, 9)).toEqual([99, 199, 399, 799, 1598, 3196, 6393, 9990, 9990]);
    const lucky = new ScriptedSession({}, () => 0);
    lucky.network.isRefusing = true;
    await lucky.pass(10);
    expect(lucky.network.attemptsMs).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('was healthy for a second: the next attempt comes soon again', async () => {
    const session = new ScriptedSession({}, () => 0.999);
    session.network.isRefusing = true;
    await session.pass(5_000);
    session.network.isRefusing = false;
    await session.pass(10_000);
    expect(session.client.state).toBe('open');
    const before = session.network.attemptsMs.length;
    session.network.cut();
    await session.pass(150);
    expect(session.network.attemptsMs.length).toBe(before + 1);
  });
});

describe('silence', () => {
  test('is broken by a ping, and a pong is enough', async () => {
    const session = new ScriptedSession();
    await session.pass(14_000);
    expect(await session.frames()).toEqual([]);
    await session.pass(1_100);
    expect(await session.frames()).toEqual([{ ping: {} }]);
    await session.send({ pong: {} });
    await session.pass(30_000);
    expect(session.states).toEqual(['open']);
  });

  test('after a ping ends the connection, so that the session can be resumed', async () => {
    const session = new ScriptedSession();
    await session.pass();
    session.network.isSilent = true;
    session.greeting = { sessionId: 's1', resumed: true };
    await session.pass(44_000);
    expect(session.states).toEqual(['open']);
    session.network.isSilent = false;
    await session.pass(2_000);
    expect(session.states).toEqual(['open', 'waiting', 'connecting', 'open']);
    expect(session.closes).toEqual([4000]);
    expect(session.hellos[1]).toMatchObject({ sessionId: 's1' });
  });

  test('instead of a welcome is not waited for longer than said', async () => {
    const session = new ScriptedSession({ connectTimeoutMs: 500 });
    session.greeting = null;
    await session.pass(490);
    expect(session.states).toEqual([]);
    await session.pass(20);
    expect(session.states).toEqual(['waiting']);
  });
});

describe('a server that refuses', () => {
  test('a token of no use: the client ends, and so does all that waits for it', async () => {
    const session = new ScriptedSession({ token: 'bad' });
    session.refusal = [4016, 'TOKEN_INVALID: The token is not valid.'];
    const published = session.client.publish(topic, { data: 'a' });
    const next = session.client.subscribe(source)[Symbol.asyncIterator]().next();
    const ready = session.client.ready();
    await session.pass();
    const refusal = {
      code: 16,
      status: 'UNAUTHENTICATED',
      reason: 'TOKEN_INVALID',
      message: 'The token is not valid.',
    };
    for (const each of [published, next, ready, session.client.publish(topic, { data: 'b' })]) {
      await expect(each).rejects.toMatchObject(refusal);
    }
    expect(session.states).toEqual(['closed']);
    expect(() => session.client.subscribe(source)).toThrow('The token is not valid.');
    expect(session.clock.pendingCount).toBe(0);
  });

  test('a token is asked for a fresh one, where there is one', async () => {
    let count = 0;
    const session = new ScriptedSession({ token: () => `token ${++count}` });
    session.refusal = [4016, 'TOKEN_EXPIRED: The token has expired.'];
    await session.pass(10);
    session.refusal = null;
    await session.pass(100);
    expect(session.hellos.map(({ token }) => token)).toEqual(['token 1', 'token 2']);
    expect(session.client.state).toBe('open');
  });

  test('to resume is asked for a new session before all is given up', async () => {
    const session = new ScriptedSession();
    const published = session.client.publish(topic, { data: 'a' });
    await session.frames();
    session.refusal = [4007, 'SESSION_OF_ANOTHER: The session is of another subject.'];
    session.network.cut();
    await session.pass(52);
    session.refusal = null;
    await session.pass(200);
    expect(session.hellos.map(({ sessionId }) => sessionId)).toEqual(['', 's1', '']);
    expect(await session.frames()).toEqual([publishOf(1, 'a')]);
    await session.send({ id: 1, published: { messageIds: ['1'] } });
    expect(await published).toBe('1');
  });

  test.each([1002, 1003, 1007, 1009])('what it calls broken (%i) ends the client', async (code) => {
    const session = new ScriptedSession();
    await session.pass();
    await session.close(code, '');
    expect(session.client.state).toBe('closed');
  });

  test('for good ends streams too: no timer is left that would open them again', async () => {
    const session = new ScriptedSession();
    const next = session.client.subscribe(source)[Symbol.asyncIterator]().next();
    await session.frames();
    await session.close(4009, 'KEY_DISABLED: The key is disabled.');
    await expect(next).rejects.toMatchObject({ reason: 'KEY_DISABLED' });
    await session.pass(100);
    expect(session.clock.pendingCount).toBe(0);
  });

  describe('the upgrade', () => {
    const refused = (status: number, text: string): ScriptedSession => {
      const session = new ScriptedSession({}, () => 0.5, {
        get: (url) => {
          expect(url).toBe('http://broker.example/v1/websocket');
          return Promise.resolve({ status, text });
        },
      });
      session.network.isRefusing = true;
      return session;
    };

    test('for good ends the client with its words', async () => {
      const error = {
        status: 'PERMISSION_DENIED',
        message: 'Requests for the host "x" are refused.',
        details: [{ '@type': 'x' }, { reason: 'HOST_NOT_ALLOWED' }],
      };
      const session = refused(403, JSON.stringify({ error }));
      const published = session.client.publish(topic, { data: 'a' });
      await session.pass(10);
      await expect(published).rejects.toMatchObject({
        status: 'PERMISSION_DENIED',
        reason: 'HOST_NOT_ALLOWED',
        message: error.message,
      });
      expect(session.client.state).toBe('closed');
      expect(session.clock.pendingCount).toBe(0);
    });

    test('in the words of a proxy ends it too', async () => {
      const session = refused(401, '<html>');
      await expect(session.pass(10).then(() => session.client.ready())).rejects.toMatchObject({
        status: 'UNAUTHENTICATED',
        reason: 'UPGRADE_REFUSED',
      });
    });

    test.each([404, 426, 502, 503])('with %i is tried again', async (status) => {
      const session = refused(status, '');
      await session.pass(1_000);
      session.network.isRefusing = false;
      await session.pass(2_000);
      expect(session.client.state).toBe('open');
    });

    test('after a welcome is tried again: the server was right once', async () => {
      const session = refused(403, '');
      session.network.isRefusing = false;
      await session.pass();
      session.network.isRefusing = true;
      session.network.cut();
      await session.pass(1_000);
      session.network.isRefusing = false;
      await session.pass(2_000);
      expect(session.client.state).toBe('open');
    });
  });

  test.each([1001, 1011, 1012, 1013, 4004, 4013, 4014])('%i is tried again', async (code) => {
    const session = new ScriptedSession();
    await session.pass();
    await session.close(code, 'DRAINING: later');
    await session.pass(200);
    expect(session.client.state).toBe('open');
  });

  test('a session that another client resumed is left to it', async () => {
    const session = new ScriptedSession();
    await session.pass();
    await session.close(4010, 'SESSION_TAKEN_OVER: elsewhere');
    await session.pass(200);
    expect(session.hellos.map(({ sessionId }) => sessionId)).toEqual(['', '']);
  });

  test('what is no frame is left, and connected to again', async () => {
    const session = new ScriptedSession();
    await session.pass();
    await session.send('nonsense' as never);
    await session.pass(200);
    expect(session.states).toEqual(['open', 'waiting', 'connecting', 'open']);
  });
});

describe('tokens', () => {
  const tokenFor = (seconds: number): string =>
    `x.${btoa(JSON.stringify({ iat: 1_000, exp: 1_000 + seconds }))}.y`;

  test('are renewed before they end, and the session goes on', async () => {
    let count = 0;
    const session = new ScriptedSession({ token: () => `${tokenFor(100)}${++count}` });
    session.answersPings = true;
    await session.pass(79_000);
    expect(session.hellos).toHaveLength(1);
    session.greeting = { sessionId: 's1', resumed: true };
    const published = session.client.publish(topic, { data: 'a' });
    await session.pass(2_000);
    expect(session.hellos[1]).toMatchObject({ sessionId: 's1', token: `${tokenFor(100)}2` });
    expect(session.closes).toEqual([4000]);
    expect(await session.frames()).toContainEqual(publishOf(1, 'a'));
    await session.send({ id: 1, published: { messageIds: ['1'] } });
    expect(await published).toBe('1');
    await session.client.close();
    await session.pass();
    expect(session.clock.pendingCount).toBe(0);
  });

  test('that never come are waited for no longer than a connection', async () => {
    let count = 0;
    const session = new ScriptedSession({
      token: () => (++count === 1 ? new Promise<string>(() => undefined) : 'second'),
      connectTimeoutMs: 500,
    });
    await session.pass(490);
    expect(session.states).toEqual([]);
    await session.pass(200);
    expect(session.states).toEqual(['waiting', 'connecting', 'open']);
    expect(session.hellos).toMatchObject([{ token: 'second' }]);
    await session.client.close();
    await session.pass();
    expect(session.clock.pendingCount).toBe(0);
  });

  test('whose renewal fails are asked for again before they end', async () => {
    let count = 0;
    const session = new ScriptedSession({
      token: () => {
        if (++count === 2) throw new Error('backend is down');
        return `${tokenFor(100)}${count}`;
      },
    });
    session.answersPings = true;
    await session.pass(79_000);
    session.greeting = { sessionId: 's1', resumed: true };
    await session.pass(20_000);
    expect(session.hellos).toMatchObject([
      { token: `${tokenFor(100)}1` },
      { sessionId: 's1', token: `${tokenFor(100)}3` },
    ]);
    expect(session.client.state).toBe('open');
  });

  test('that were kept by who gives them count from when they were first seen', async () => {
    let count = 0;
    const session = new ScriptedSession({
      token: () => `${tokenFor(100)}${++count < 3 ? 'kept' : 'new'}`,
    });
    session.answersPings = true;
    await session.pass(60_000);
    await session.reconnect({ sessionId: 's1', resumed: true });
    await session.pass(30_000);
    expect(session.hellos.map(({ token }) => token)).toEqual([
      `${tokenFor(100)}kept`,
      `${tokenFor(100)}kept`,
      `${tokenFor(100)}new`,
    ]);
  });

  test('that cannot be got are asked for again', async () => {
    const session = new ScriptedSession({
      token: () => Promise.reject(new Error('backend is down')),
    });
    await session.pass(1_000);
    expect(session.states.slice(0, 3)).toEqual(['waiting', 'connecting', 'waiting']);
    await session.client.close();
    await session.pass();
    expect(session.clock.pendingCount).toBe(0);
  });
});

describe('close', () => {
  test('waits for what is on its way, says farewell, and leaves nothing behind', async () => {
    const session = new ScriptedSession();
    const published = session.client.publish(topic, { data: 'a' });
    await session.frames();
    const closed = session.client.close();
    expect(session.client.state).toBe('closing');
    await session.pass();
    expect(session.closes).toEqual([]);
    await session.send({ id: 1, published: { messageIds: ['1'] } });
    await closed;
    expect(await published).toBe('1');
    await session.pass();
    expect(session.closes).toEqual([1000]);
    expect(session.clock.pendingCount).toBe(0);
    await expect(session.client.publish(topic, { data: 'b' })).rejects.toMatchObject({
      status: 'CANCELLED',
      reason: 'CLIENT_CLOSED',
    });
  });

  test('does not wait for ever', async () => {
    const session = new ScriptedSession();
    session.network.isRefusing = true;
    const published = session.client.publish(topic, { data: 'a' });
    const closed = session.client.close({ timeoutMs: 1_000 });
    await session.pass(1_100);
    await closed;
    await expect(published).rejects.toMatchObject({ reason: 'CLIENT_CLOSED' });
    expect(session.states.at(-1)).toBe('closed');
    expect(session.clock.pendingCount).toBe(0);
  });

  test('comes with a signal', async () => {
    const controller = new AbortController();
    const session = new ScriptedSession({ signal: controller.signal });
    await session.pass();
    controller.abort();
    await session.pass();
    expect(session.client.state).toBe('closed');
  });
});
