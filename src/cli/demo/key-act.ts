import { refusal, Refusal } from './refusal.ts';
import { setKeyState } from './resources.ts';
import { heldBackCount, pause, until, type Session } from './session.ts';
import type { ReceivedFlight } from './pubsub-wire.ts';

const secondsMax = 20;
const probeMs = 10;
const probesMax = 500;

/**
 * Disables the key version while a thousand records wait, shows what is refused and what is not,
 * enables it and sends the last thousand. True if all went as it must.
 */
export async function keyAct(session: Session, total: number): Promise<boolean> {
  const { receivers, publisher } = session;
  const [delays, archive] = receivers;
  const waitingFrom = total - 2 * heldBackCount;
  const lastFrom = total - heldBackCount;
  delays.close();
  await publisher.send(waitingFrom, lastFrom);
  await until(session.clock, secondsMax, () => archive.tally.count >= lastFrom);
  const leased = await pullSome(session);
  archive.close();
  const archiveEnded = archive.open();
  const wasRefused = await takeKey(session, leased, archiveEnded, lastFrom);
  return (await giveKey(session, lastFrom, total)) && wasRefused;
}

async function takeKey(
  { screen, clock, rest, resources, publisher }: Session,
  leased: readonly ReceivedFlight[],
  openStream: Promise<string>,
  row: number,
): Promise<boolean> {
  const [delays] = resources.subscriptions;
  screen.title('The key is disabled');
  screen.fact(`${String(heldBackCount)} records wait in ${delays}.`);
  await setKeyState(rest, resources.keyVersion, 'DISABLED');
  const startMs = clock.monotonicMs();
  const words = new Map<string, string>();
  words.set('publish, gRPC', await firstRefusal(clock, () => publisher.sendGrpc(row, row + 1)));
  const biteMs = clock.monotonicMs() - startMs;
  words.set('publish, REST', await refusal(() => publisher.sendRest(row, row + 1)));
  const pull = { maxMessages: 10 };
  words.set('pull, REST', await refusal(() => rest.call('POST', `${delays}:pull`, pull)));
  const late = new Promise<string>((resolve) => {
    clock.schedule(clock.monotonicMs() + 2000, () => resolve('still open'));
  });
  words.set('the stream that was open, gRPC', await Promise.race([openStream, late]));
  for (const [label, text] of words) screen.quote(label, text);
  const isRefused = [...words.values()].every((text) => text.includes('FAILED_PRECONDITION'));
  screen.check(isRefused, `all refused, the first ${biteMs.toFixed(0)} ms after the key was gone`);
  const ackIds = leased.map(({ ackId }) => ackId);
  await rest.call('POST', `${delays}:acknowledge`, { ackIds });
  screen.check(true, `acknowledging ${String(ackIds.length)} messages needs no key and worked`);
  return isRefused;
}

async function giveKey(session: Session, from: number, to: number): Promise<boolean> {
  const { screen, clock, rest, resources, publisher, receivers } = session;
  screen.title('The key is enabled');
  await setKeyState(rest, resources.keyVersion, 'ENABLED');
  const startMs = clock.monotonicMs();
  await firstSuccess(clock, () => publisher.sendGrpc(from, from + 1));
  screen.check(true, `served again after ${(clock.monotonicMs() - startMs).toFixed(0)} ms`);
  for (const receiver of receivers) void receiver.open();
  await publisher.send(from + 1, to);
  const isDone = (): boolean => receivers.every(({ tally }) => tally.count >= to);
  const isWhole = await until(clock, secondsMax, isDone);
  const amount = String(2 * heldBackCount);
  screen.check(isWhole, `the records that waited and the last ones, ${amount} in all, came`);
  return isWhole;
}

/** Ten messages leased before the key goes, to be acknowledged while it is gone. */
async function pullSome({ clock, rest, resources, receivers }: Session): Promise<ReceivedFlight[]> {
  const [name] = resources.subscriptions;
  // A pull may come back empty although messages wait (pubsub.v1 PullRequest).
  for (let n = 0; n < probesMax; n++) {
    const answer = await rest.call('POST', `${name}:pull`, { maxMessages: 10 });
    const received = receivedOf(answer['receivedMessages']);
    receivers[0].take(received);
    if (received.length > 0) return received;
    await pause(clock, probeMs);
  }
  throw new Error('Pull answered without a message although a thousand wait.');
}

interface JsonReceived {
  readonly ackId: string;
  readonly message: { readonly data: string; readonly attributes: { readonly row: string } };
}

function receivedOf(list: unknown): ReceivedFlight[] {
  return ((list ?? []) as readonly JsonReceived[]).map(({ ackId, message }) => ({
    ackId,
    row: Number(message.attributes.row),
    data: Buffer.from(message.data, 'base64'),
  }));
}

/** Calls until it is refused; every answer before that was still under the key. */
async function firstRefusal(
  clock: Session['clock'],
  call: () => Promise<unknown>,
): Promise<string> {
  for (let n = 0; n < probesMax; n++) {
    try {
      await call();
    } catch (error) {
      if (error instanceof Refusal) return error.message;
      throw error;
    }
    await pause(clock, probeMs);
  }
  throw new Error('The broker went on without a key.');
}

async function firstSuccess(clock: Session['clock'], call: () => Promise<unknown>): Promise<void> {
  for (let n = 0; ; n++) {
    try {
      await call();
      return;
    } catch (error) {
      if (!(error instanceof Refusal) || n >= probesMax) throw error;
      await pause(clock, probeMs);
    }
  }
}
