import { describe, expect, test } from 'vitest';

import { runCli, type CliEnded } from '../support/cli-process.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const variables = (): Record<string, string> => ({
  SEALPOST_SERVER: live.url,
  SEALPOST_PROJECT: 'shop',
});
/** Words of a command line, separated by blanks; it must succeed. */
async function cli(line: string): Promise<CliEnded> {
  const ended = await runCli(line.split(' '), variables());
  expect(ended.code, `${line}: ${ended.stderr}`).toBe(0);
  return ended;
}
const tried = (line: string): Promise<CliEnded> => runCli(line.split(' '), variables());

async function post(path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${live.url}/v1/projects/shop/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  return (await answer.json()) as Record<string, unknown>;
}

interface Shown {
  readonly messageId: string;
  readonly data: string;
  readonly attributes?: Record<string, string>;
  readonly orderingKey?: string;
  readonly state: string;
  readonly leaseExpireTime?: string;
}

async function peeked(subscription: string, more = ''): Promise<Shown[]> {
  const { stdout } = await cli(`subscriptions peek ${subscription} --limit 1000 --json${more}`);
  return JSON.parse(stdout) as Shown[];
}

const texts = (shown: readonly Shown[]): string => shown.map(({ data }) => data).join(' ');

async function publish(topic: string, ...data: string[]): Promise<void> {
  const messages = data.map((text, at) => ({
    data: Buffer.from(text).toString('base64'),
    attributes: { place: String(at) },
  }));
  await post(`topics/${topic}:publish`, { messages });
}

interface AuditEntries {
  readonly entries?: { readonly protoPayload: { methodName: string; status?: { code: number } } }[];
}

/** How each look into a subscription ended, by the audit log. */
async function looks(subscription: string): Promise<string[]> {
  const answer = await fetch(`${live.url}/v2/entries:list`, {
    method: 'POST',
    body: JSON.stringify({
      resourceNames: ['projects/shop'],
      filter: `protoPayload.resourceName="projects/shop/subscriptions/${subscription}" AND protoPayload.methodName="sealpost.v1.Backlog.Peek"`,
    }),
  });
  const { entries = [] } = (await answer.json()) as AuditEntries;
  return entries.map(({ protoPayload }) => `${protoPayload.status?.code ?? 0}`);
}

describe('peek', () => {
  test('shows what waits and what is outstanding, takes nothing, and is in the audit log', async () => {
    await cli('topics create seen');
    await cli('subscriptions create looker --topic seen --ack-deadline 1m');
    await publish('seen', 'one', 'two', 'three');
    const pulled = await post('subscriptions/looker:pull', { maxMessages: 1 });
    expect(pulled['receivedMessages']).toHaveLength(1);
    const shown = await peeked('looker');
    const stateOf = ({ data, state }: Shown): string => `${data} ${state}`;
    expect(shown.map(stateOf)).toEqual(['one outstanding', 'two waiting', 'three waiting']);
    expect(Date.parse(shown[0]!.leaseExpireTime!)).toBeGreaterThan(live.clock.wallMs());
    expect((await peeked('looker')).map(stateOf)).toEqual(shown.map(stateOf));
    expect((await peeked('looker', ' --max-bytes 1')).length).toBe(1);
    const { stdout, stderr } = await cli('subscriptions peek looker --limit 2 --attributes');
    expect(stdout).toMatch(/^MESSAGE +PUBLISHED +STATE +ATTEMPT +ATTRIBUTES +DATA\n/);
    expect(stdout).toMatch(/outstanding, \d+ s +1 +place=0 +one\n/);
    expect(stderr).toBe('2 messages, as stored; nothing was leased. More wait: see --limit.\n');
    expect(await looks('looker')).toEqual(['0', '0', '0', '0']);
    // The other two are there for whoever pulls.
    const rest = await post('subscriptions/looker:pull', { maxMessages: 5 });
    expect(rest['receivedMessages']).toHaveLength(2);
  });

  test('is refused while the key is disabled, and a detached subscription has nothing', async () => {
    await cli('keys rings create cafe');
    await cli('keys create cafe/till');
    await cli('keys grant cafe/till');
    await cli('topics create sealed --key cafe/till');
    await cli('subscriptions create closed --topic sealed');
    await publish('sealed', 'secret');
    expect(texts(await peeked('closed'))).toBe('secret');
    await cli('keys versions disable cafe/till 1');
    const refused = await tried('subscriptions peek closed');
    expect([refused.code, refused.stdout]).toEqual([5, '']);
    expect(refused.stderr).toContain('FAILED_PRECONDITION');
    await cli('keys versions enable cafe/till 1');
    expect(texts(await peeked('closed'))).toBe('secret');
    await cli('subscriptions detach closed');
    expect((await tried('subscriptions peek closed')).code).toBe(5);
    expect(await looks('closed')).toEqual(['0', '9', '0', '9']);
    expect((await tried('subscriptions peek nobody')).code).toBe(3);
  });

  test('refuses what it does not know', async () => {
    const answers = ['?pageSize=101', '?page_size=x', '?colour=red', '?pageToken=AAAA'].map(
      async (query) =>
        (await fetch(`${live.url}/sealpost/v1/projects/shop/subscriptions/looker:peek${query}`))
          .status,
    );
    expect(await Promise.all(answers)).toEqual([400, 400, 400, 400]);
  });
});

describe('replay of a subscription', () => {
  test('brings back what was acknowledged, after saying how much that is', async () => {
    await cli('topics create kept');
    await cli('subscriptions create keeper --topic kept --retain-acked');
    await publish('kept', 'one', 'two', 'three');
    await cli('pull keeper --max 3 --ack');
    await publish('kept', 'four');
    const dry = await cli('replay keeper --from 1h --dry-run');
    expect(dry.stdout).toContain('3 acknowledged messages would come again: 1 wait now, 4 would.');
    expect(texts(await peeked('keeper'))).toBe('four');
    const unasked = await tried('replay keeper --from 1h');
    expect(unasked.code).toBe(2);
    expect(unasked.stderr).toContain('Nobody is here to be asked. Add --yes.');
    const done = await cli('replay keeper --from 1h --yes');
    expect(done.stdout).toContain('1 messages waited, 4 wait now.');
    expect(texts(await peeked('keeper'))).toBe('one two three four');
  });

  test('is refused where nothing would come, with what would change that', async () => {
    await cli('topics create lost');
    await cli('subscriptions create forgetful --topic lost');
    await publish('lost', 'one');
    await cli('pull forgetful --ack');
    const { code, stderr } = await tried('replay forgetful --from 1h --yes');
    expect(code).toBe(5);
    expect(stderr).toContain('Nothing would come again');
    expect(stderr).toContain('sealpost subscriptions update forgetful --retain-acked');
  });

  test('goes back to a snapshot', async () => {
    await cli('topics create shot');
    await cli('subscriptions create shooter --topic shot');
    await publish('shot', 'one', 'two');
    await cli('snapshots create before --subscription shooter');
    await cli('pull shooter --ack');
    await cli('replay shooter --snapshot before --yes');
    expect(texts(await peeked('shooter'))).toBe('one two');
  });
});

describe('replay to another topic', () => {
  test('dead letters go back to where they came from, and leave their subscription', async () => {
    await cli('topics create orders');
    await cli('subscriptions create kitchen --topic orders');
    await cli('topics create dead');
    await cli('subscriptions create graves --topic dead');
    await publish('dead', ...Array.from({ length: 250 }, (_, i) => `m${i}`));
    const { stdout } = await cli('replay graves --to orders --acknowledge --yes');
    expect(stdout).toContain('Published 250 messages to projects/shop/topics/orders.');
    expect(await peeked('graves')).toEqual([]);
    const there = await peeked('kitchen');
    expect(texts(there)).toBe(Array.from({ length: 250 }, (_, i) => `m${i}`).join(' '));
    expect(there[7]?.attributes).toMatchObject({
      place: '7',
      SealpostReplaySubscription: 'projects/shop/subscriptions/graves',
      SealpostReplayMessageId: expect.stringMatching(/^\d+$/) as string,
      SealpostReplayPublishTime: expect.stringMatching(/Z$/) as string,
    });
  });

  test('a copy leaves the subscription as it is, goes on where a part of it ended, and keeps order', async () => {
    await cli('topics create source');
    await cli('subscriptions create reader --topic source');
    await cli('topics create target');
    await cli('subscriptions create copy --topic target');
    for (let i = 0; i < 6; i++) {
      const message = { data: Buffer.from(`k${i}`).toString('base64'), orderingKey: `key${i % 2}` };
      await post('topics/source:publish', { messages: [message] });
    }
    const part = await cli('replay reader --to target --max 4 --rate 1000 --yes --json');
    const { count, resume } = JSON.parse(part.stdout) as { count: number; resume: string };
    expect(count).toBe(4);
    const rest = await cli(`replay reader --to target --resume ${resume} --yes --json`);
    expect(JSON.parse(rest.stdout)).toMatchObject({ count: 2 });
    expect(texts(await peeked('reader'))).toBe('k0 k1 k2 k3 k4 k5');
    const copied = await peeked('copy');
    const ofKey = (key: string): string => texts(copied.filter((each) => each.orderingKey === key));
    expect([ofKey('key0'), ofKey('key1')]).toEqual(['k0 k2 k4', 'k1 k3 k5']);
  });

  test('what a topic kept is copied by a subscription that is gone afterwards', async () => {
    await cli('topics create archive --retention 1h');
    await publish('archive', 'old', 'older');
    await cli('subscriptions create late --topic archive');
    await cli('topics create again');
    await cli('subscriptions create gets --topic again');
    await cli('replay late --from 30m --to again --yes');
    expect(texts(await peeked('gets'))).toBe('old older');
    const { stdout } = await cli('subscriptions list --ids');
    expect(stdout).not.toContain('replay-');
    const none = await tried('replay forgetful --from 30m --to again --yes');
    expect(none.code).toBe(5);
    expect(none.stderr).toContain('keeps no message: it has no retention');
    expect((await cli('subscriptions list --ids')).stdout).not.toContain('replay-');
  });

  test('what cannot be published stays where it was', async () => {
    await cli('keys create cafe/gone');
    await cli('keys grant cafe/gone');
    await cli('topics create barred --key cafe/gone');
    await cli('subscriptions create waiting --topic dead');
    await publish('dead', 'one', 'two');
    await cli('keys versions disable cafe/gone 1');
    const { code, stderr } = await tried('replay waiting --to barred --acknowledge --yes');
    expect(code).toBe(5);
    expect(stderr).toContain('To go on: sealpost replay waiting --to barred --acknowledge');
    expect(texts(await peeked('waiting'))).toBe('one two');
    expect((await tried('replay nobody --to dead --yes')).code).toBe(3);
  });
});
