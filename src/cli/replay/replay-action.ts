import { usageError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { pointInTime } from '../resources/point-in-time.ts';
import { confirm } from './confirmation.ts';
import { copyReplay } from './copy-replay.ts';
import { nothingKept, previewLines, previewSeek, type SeekBody } from './seek-preview.ts';

export const replay: Action = async (call, tools) => {
  const subscription = tools.names.subscription(call.arguments[0]!);
  const target = targetOf(call, tools);
  if (call.flags.isSet('to')) return copyReplay(call, tools, { subscription, target });
  for (const name of ['acknowledge', 'rate', 'max', 'resume']) {
    if (call.flags.isSet(name)) throw usageError(`--${name} needs --to TOPIC.`);
  }
  if (target === undefined) throw usageError('Give --from, --snapshot or --to.');
  await seekReplay(call, tools, { subscription, target });
};

function targetOf({ flags }: Call, { names, clock }: Tools): SeekBody | undefined {
  const from = flags.text('from');
  const snapshot = flags.text('snapshot');
  if (from !== undefined && snapshot !== undefined) {
    throw usageError('Give either --from or --snapshot.');
  }
  if (from !== undefined) return { time: pointInTime('from', from, clock.wallMs(), 'ago') };
  return snapshot === undefined ? undefined : { snapshot: names.snapshot(snapshot) };
}

/** The subscription itself goes back, if that brings anything. */
async function seekReplay(
  { arguments: [text = ''], flags }: Call,
  { api, out, terminal }: Tools,
  { subscription, target }: { readonly subscription: string; readonly target: SeekBody },
): Promise<void> {
  const preview = await previewSeek(api, subscription, target);
  const lines = previewLines(preview, target);
  if (flags.isSet('dry-run')) {
    out.result({ subscription, ...target, isDryRun: true, ...preview }, lines);
    return;
  }
  if (preview.returningCount === 0) throw nothingKept(text, preview);
  if (!flags.isSet('yes')) {
    for (const line of lines) out.note(line);
    await confirm(terminal, `Replay ${text}?`);
  }
  await api.post(`${subscription}:seek`, target);
  const { unackedCount } = await api.get(`sealpost/v1/${subscription}:diagnose`);
  const { returningCount, unackedBefore } = preview;
  out.result({ subscription, ...target, returningCount, unackedBefore, unackedCount }, [
    `Replayed ${subscription}: ${unackedBefore} messages waited, ${String(unackedCount)} wait now.`,
    'Ack ids from before are void.',
  ]);
}
