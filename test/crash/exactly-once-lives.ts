import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Chance } from '../support/chance.ts';
import { ExactlyOnceAccount, type Answer } from './exactly-once-account.ts';
import type { KillPlan } from './kill-plan.ts';
import { keyOf, payloadOf } from './payload.ts';
import { statusOf } from './pubsub-client.ts';
import { RestClient } from './rest-client.ts';
import { programChild, type ServerChild } from './server-child.ts';
import type { VictimOrders } from './victim-orders.ts';

const topic = 'projects/crash/topics/orders';
const subscription = 'projects/crash/subscriptions/exact';
/** The victim's clock: a lease of a minute outlives a kill, and ends within the next lives. */
const speed = 10;
const leaseSeconds = 60;
const longSeconds = 120;
const realMs = (seconds: number): number => (seconds * 1_000) / speed;
/** Messages that are not acknowledged, at most: so that all of them come up again and again. */
const openMax = 80;
/** A life is ended from outside when its failpoint has not been hit for so long. */
const lifeMs = 1_500;
const readyWithinMs = 15_000;

/** One exactly-once subscription, whose server dies again and again under its one subscriber. */
export class ExactlyOnceLives {
  readonly account: ExactlyOnceAccount = new ExactlyOnceAccount();
  readonly path: string = mkdtempSync(join(tmpdir(), 'sealpost-once-'));
  readonly #chance: Chance;
  readonly #answersEarly: boolean;
  readonly #epochMs: number = Date.now();
  #life = 0;
  #ordinal = 0;
  /** Messages that were leased when the last server died. */
  #heldBefore = new Set<string>();

  constructor(chance: Chance, answersEarly: boolean) {
    this.#chance = chance;
    this.#answersEarly = answersEarly;
    mkdirSync(join(this.path, 'journals'));
  }

  async settle(): Promise<void> {
    const { server, client } = await this.#start(null);
    await client.createTopic(topic);
    await client.call('PUT', `/v1/${subscription}`, {
      topic,
      ackDeadlineSeconds: leaseSeconds,
      enableExactlyOnceDelivery: true,
    });
    client.close();
    await server.stop();
  }

  /** A start, a subscriber at work, and a kill in the midst of it. */
  async live(): Promise<void> {
    const plan = this.#plan();
    const { server, client } = await this.#start(plan);
    server.say('arm');
    const timer = setTimeout(() => server.kill(), plan.failpoint === null ? plan.afterMs : lifeMs);
    while (!server.hasEnded && server.child.signalCode === null) {
      await Promise.all([this.#publish(client), this.#publish(client)]);
      await this.#consume(client);
    }
    clearTimeout(timer);
    client.close();
    await server.stop('SIGKILL');
    this.#heldBefore = new Set(this.account.open());
  }

  /** A last life in peace: what is not acknowledged comes, and can be. */
  async conclude(): Promise<void> {
    const { server, client } = await this.#start(null);
    const deadlineMs = Date.now() + realMs(longSeconds) + 20_000;
    while (Date.now() < deadlineMs && this.account.violations.length === 0) {
      const left = this.account.open().filter((key) => this.#isOwed(key));
      if (left.length === 0) break;
      for (const key of await this.#pull(client)) await this.#acknowledge(client, key);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const left = this.account.open().filter((key) => this.#isOwed(key));
    if (left.length > 0) this.account.violations.push(`${left.join()} never came again`);
    client.close();
    const { code } = await server.stop();
    if (code !== 0) this.account.violations.push(`a stop ended with ${code}: ${server.stderr}`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Of what was never answered, or acknowledged perhaps, nothing is owed. */
  #isOwed(key: string): boolean {
    const { state, ackIds } = this.account.messages.get(key)!;
    return state !== 'unknown' && ackIds.length > 0;
  }

  #plan(): KillPlan {
    const failpoint = this.#chance.pick(['beforeCommit', 'afterCommit', null] as const);
    const afterMs = 100 + this.#chance.below(900);
    return { failpoint, hit: 1 + this.#chance.below(60), when: 'load', afterMs };
  }

  async #start(plan: KillPlan | null): Promise<{ server: ServerChild; client: RestClient }> {
    const orders: VictimOrders = {
      dataDir: join(this.path, 'data'),
      journal: join(this.path, 'journals', String(++this.#life)),
      speed,
      epochMs: this.#epochMs,
      failpoint: plan?.failpoint ?? null,
      hit: plan?.hit ?? 0,
      isArmedAtStart: false,
      answersEarly: this.#answersEarly,
    };
    const program = new URL('./victim.ts', import.meta.url);
    const server = programChild(program, [JSON.stringify(orders)]);
    const timer = setTimeout(() => server.kill(), readyWithinMs);
    const url = await server.url();
    clearTimeout(timer);
    return { server, client: new RestClient(url) };
  }

  async #publish(client: RestClient): Promise<void> {
    if (this.account.open().length >= openMax) return;
    const messages = Array.from({ length: 1 + this.#chance.below(5) }, () => {
      const key = `${this.#life}-${this.#ordinal++}`;
      this.account.published(key);
      return payloadOf(key, this.#chance.below(200), false);
    });
    await this.#answer(client.publish(topic, messages));
  }

  async #pull(client: RestClient): Promise<string[]> {
    const sentMs = Date.now();
    const leaseMs = realMs(leaseSeconds);
    try {
      const messages = await client.pull(subscription, 1 + this.#chance.below(30));
      return messages.map((message) => {
        const key = keyOf(message) ?? message.messageId;
        this.account.delivered(key, message.ackId, { sentMs, leaseMs });
        this.#heldBefore.delete(key);
        return key;
      });
    } catch (error) {
      this.#checkLost(error);
      this.account.pullLost();
      return [];
    }
  }

  /** A pull, and then something with many of the messages that ever came, all at once. */
  async #consume(client: RestClient): Promise<void> {
    await this.#pull(client);
    const known = [...this.account.messages].filter(([, { ackIds }]) => ackIds.length > 0);
    const chosen = known.slice(-3 * openMax).filter(() => this.#chance.isTrue(0.2));
    await Promise.all(chosen.map(([key]) => this.#settle(client, key)));
  }

  async #settle(client: RestClient, key: string): Promise<void> {
    const what = this.#chance.below(10);
    if (what < 5) return await this.#acknowledge(client, key);
    if (what < 7) return await this.#move(client, key, longSeconds);
    if (what < 8) return await this.#move(client, key, 0);
  }

  async #acknowledge(client: RestClient, key: string): Promise<void> {
    const ackId = this.#idOf(key);
    const call = client.acknowledge(subscription, [ackId]);
    const answer = await this.#answer(call);
    this.account.acked(key, ackId, answer);
    if (answer === 'OK' && this.#heldBefore.delete(key)) this.account.counts.outlived++;
  }

  async #move(client: RestClient, key: string, seconds: number): Promise<void> {
    const ackId = this.#idOf(key);
    const sentMs = Date.now();
    const ask = { ackIds: [ackId], ackDeadlineSeconds: seconds };
    const answer = await this.#answer(
      client.call('POST', `/v1/${subscription}:modifyAckDeadline`, ask),
    );
    this.account.moved(key, ackId, answer, { sentMs, ms: realMs(seconds) });
  }

  /** The last id of a message, and now and then an earlier one. */
  #idOf(key: string): string {
    const { ackIds } = this.account.messages.get(key)!;
    const at = this.#chance.isTrue(0.2) ? this.#chance.below(ackIds.length) : ackIds.length - 1;
    return ackIds[at]!;
  }

  async #answer(call: Promise<unknown>): Promise<Answer> {
    try {
      await call;
      return 'OK';
    } catch (error) {
      if (statusOf(error) === 'INVALID_ARGUMENT') return 'INVALID_ARGUMENT';
      this.#checkLost(error);
      return 'lost';
    }
  }

  /** A dead server says nothing, or that it cannot; anything else it should not have said. */
  #checkLost(error: unknown): void {
    if (['BROKEN', 'UNAVAILABLE'].includes(statusOf(error))) return;
    this.account.violations.push(`the server answered ${String(error)}`);
  }
}
