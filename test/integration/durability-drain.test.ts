import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GrpcClient } from '../crash/grpc-client.ts';
import { CallFailure, type PubsubClient } from '../crash/pubsub-client.ts';
import { RestClient } from '../crash/rest-client.ts';
import { sealpostChild, type ServerChild } from '../crash/server-child.ts';

const topic = 'projects/drained/topics/orders';
const subscription = 'projects/drained/subscriptions/orders';

let folder: string;
let server: ServerChild | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-drain-'));
});
afterEach(async () => {
  await server?.stop('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<{ rest: RestClient; grpc: GrpcClient; url: string }> {
  server = sealpostChild(join(folder, 'data'));
  const url = await server.url();
  return { rest: new RestClient(url), grpc: new GrpcClient(url), url };
}

/** The texts whose publish was answered, and the statuses of those that were refused. */
async function publishUntilRefused(client: PubsubClient, name: string) {
  const answered: string[] = [];
  for (let i = 0; ; i++) {
    const text = `${name}-${i}`;
    try {
      await client.publish(topic, [{ data: Buffer.from(text), attributes: {} }]);
      answered.push(text);
    } catch (error) {
      expect(error).toBeInstanceOf(CallFailure);
      return { answered, status: (error as CallFailure).status };
    }
  }
}

async function pullAll(client: PubsubClient, count: number): Promise<Set<string>> {
  const texts = new Set<string>();
  for (let round = 0; texts.size < count && round < 100; round++) {
    for (const { data } of await client.pull(subscription, 1000)) texts.add(data.toString());
  }
  return texts;
}

describe('a server that is asked to stop', () => {
  test('answers or refuses what is in flight, and keeps all that it answered', async () => {
    const { rest, grpc } = await start();
    await rest.createTopic(topic);
    await rest.createSubscription(subscription, topic);
    const publishers = Array.from({ length: 16 }, (_, i) =>
      publishUntilRefused(i % 2 === 0 ? rest : grpc, `publisher${i}`),
    );
    // The load is under way once something has been delivered.
    await pullAll(grpc, 50);
    const ended = server!.stop('SIGTERM');
    const outcomes = await Promise.all(publishers);
    expect(await ended).toEqual({ code: 0, signal: null });
    for (const { status } of outcomes) expect(['UNAVAILABLE', 'BROKEN']).toContain(status);
    const answered = outcomes.flatMap((outcome) => outcome.answered);
    expect(answered.length).toBeGreaterThan(50);

    const again = await start();
    const kept = await pullAll(again.rest, answered.length);
    expect(answered.filter((text) => !kept.has(text))).toEqual([]);
    for (const client of [rest, grpc, again.rest, again.grpc]) client.close();
  });

  test('keeps acks that came on a stream, and ends the stream with UNAVAILABLE', async () => {
    const { rest, grpc } = await start();
    await rest.createTopic(topic);
    await rest.createSubscription(subscription, topic);
    const published = Array.from({ length: 200 }, (_, i) => ({
      data: Buffer.from(`streamed-${i}`),
      attributes: {},
    }));
    await grpc.publish(topic, published);
    const received = Promise.withResolvers<void>();
    let count = 0;
    const stream = grpc.stream(subscription, (messages) => {
      stream.acknowledge(messages.map(({ ackId }) => ackId));
      count += messages.length;
      if (count === published.length) received.resolve();
    });
    await received.promise;
    // Answered after the acks of the stream, which came before it on the same connection.
    await grpc.listTopics('projects/drained');
    const ended = server!.stop('SIGTERM');
    expect(await stream.ended).toBe('UNAVAILABLE');
    expect(await ended).toEqual({ code: 0, signal: null });

    const again = await start();
    expect(await again.grpc.pull(subscription, 1000)).toEqual([]);
    for (const client of [rest, grpc, again.rest, again.grpc]) client.close();
  });

  test('ends at once, and with another code, when it is asked a second time', async () => {
    const { rest, grpc, url } = await start();
    await rest.createTopic(topic);
    const { hostname, port } = new URL(url);
    const stuck = connect(Number(port), hostname);
    await once(stuck, 'connect');
    stuck.on('error', () => undefined);
    stuck.write(
      `POST /v1/${topic}:publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{`,
    );
    // Whatever was sent before this was answered has been read.
    await rest.listTopics('projects/drained');
    server!.kill('SIGTERM');
    await untilRefused(url);
    expect(server!.hasEnded).toBe(false);
    expect(await server!.stop('SIGTERM')).toEqual({ code: 143, signal: null });
    for (const client of [rest, grpc]) client.close();
    stuck.destroy();
  });
});

/** Resolves when no new connection is taken any more: the drain has begun. */
async function untilRefused(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  for (;;) {
    const socket = connect(Number(port), hostname);
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (!isOpen) return;
  }
}
