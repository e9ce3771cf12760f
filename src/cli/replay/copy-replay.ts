import { CommandError, usageError } from '../command/command-error.ts';
import type { Call } from '../command/command-spec.ts';
import { exitCodes } from '../command/exit-codes.ts';
import type { Tools } from '../command/tools.ts';
import { pushedElsewhere } from '../messages/pushed-elsewhere.ts';
import { RestSender } from '../messages/message-sender.ts';
import { counted } from '../output/plain-text.ts';
import { confirm } from './confirmation.ts';
import { CopyRun, type CopyEnd } from './copy-run.ts';
import { KeptSource } from './kept-source.ts';
import type { MessageSource } from './message-source.ts';
import { PeekedSource } from './peeked-source.ts';
import { PulledSource } from './pulled-source.ts';
import { previewSeek, type SeekBody } from './seek-preview.ts';

interface From {
  readonly subscription: string;
  readonly target: SeekBody | undefined;
}

const giveUpMs = 60_000;

/** Publishes what a subscription has, or had, to another topic. */
export async function copyReplay(call: Call, tools: Tools, from: From): Promise<void> {
  const { api, names, out, terminal } = tools;
  const { flags } = call;
  const topic = names.topic(flags.text('to')!);
  checkFlags(call, from);
  await api.get(topic);
  await requireAttached(tools, from.subscription);
  if (flags.isSet('dry-run')) return tellCount(tools, topic, from);
  if (!flags.isSet('yes')) {
    await confirm(terminal, `Publish what ${from.subscription} has to ${topic}?`);
  }
  const stop = terminal.stopSignal();
  const source = await sourceOf(call, tools, from);
  const sender = new RestSender(topic, tools, {
    giveUpMs,
    stop,
    onWaiting: (error) => error && out.note(`${error.message} Trying again.`),
  });
  const run = new CopyRun({ ...tools, source, sender, stop, subscription: from.subscription });
  const limits = { rate: flags.number('rate') ?? Infinity, max: flags.number('max') ?? Infinity };
  const end = await run.run(limits);
  const asked = await pushedElsewhere(end.failure, {
    api,
    subscription: from.subscription,
    text: call.arguments[0] ?? '',
  });
  tellEnd(tools, call, topic, { ...end, failure: asked });
}

function checkFlags({ flags }: Call, { target }: From): void {
  if (flags.isSet('acknowledge') && target !== undefined) {
    throw usageError('--acknowledge is for what waits: give it without --from and --snapshot.');
  }
  if (flags.isSet('resume') && (flags.isSet('acknowledge') || target !== undefined)) {
    throw usageError('--resume goes without --acknowledge, --from and --snapshot.');
  }
}

async function requireAttached({ api }: Tools, subscription: string): Promise<void> {
  const { detached } = await api.get(subscription);
  if (detached !== true) return;
  throw new CommandError(`${subscription} is detached: it has no messages.`, {
    exitCode: exitCodes.refused,
  });
}

async function sourceOf({ flags }: Call, tools: Tools, from: From): Promise<MessageSource> {
  const { api } = tools;
  const { subscription, target } = from;
  const resume = flags.text('resume');
  if (resume?.includes('/') === true) return await KeptSource.resumed(api, resume);
  if (target !== undefined) return await KeptSource.make(tools, subscription, target);
  if (flags.isSet('acknowledge')) return await PulledSource.open(api, subscription);
  return await PeekedSource.open(api, subscription, resume);
}

async function tellCount({ api, out }: Tools, topic: string, from: From): Promise<void> {
  const { subscription, target } = from;
  const count =
    target === undefined
      ? (await PeekedSource.open(api, subscription)).total
      : (await previewSeek(api, subscription, target)).unackedAfter;
  out.result({ subscription, topic, isDryRun: true, count }, [
    `${counted(count, 'message')} at most would be published to ${topic}.`,
  ]);
}

function tellEnd(
  { out }: Tools,
  call: Call,
  topic: string,
  { count, repeatedCount, failure, isStopped, resume }: CopyEnd,
): void {
  const isAcknowledged = call.flags.isSet('acknowledge');
  const next = resume === undefined ? {} : { resume };
  const done = `Published ${counted(count, 'message')} to ${topic}.`;
  const again = [
    `sealpost replay ${call.arguments[0]} --to ${call.flags.text('to')}`,
    ...(isAcknowledged ? ['--acknowledge'] : []),
    ...(resume === undefined ? [] : [`--resume ${resume}`]),
  ];
  if (repeatedCount > 0) {
    out.note(`${counted(repeatedCount, 'message')} may be there twice: an answer was lost.`);
  }
  if (failure === undefined && !isStopped) {
    const acknowledged = isAcknowledged ? ['They are acknowledged where they came from.'] : [];
    out.result({ topic, count, isAcknowledged, ...next }, [done, ...acknowledged]);
    if (resume !== undefined) out.note(`There is more. To go on: ${again.join(' ')}`);
    return;
  }
  if (out.isJson) out.json({ topic, count, isAcknowledged, ...next });
  const why = failure instanceof Error ? `${failure.message} ` : '';
  throw new CommandError(`${why}${done}`, {
    hint: `To go on: ${again.join(' ')}`,
    ...(failure instanceof CommandError ? { exitCode: failure.exitCode } : {}),
  });
}
