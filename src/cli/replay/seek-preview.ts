import { CommandError } from '../command/command-error.ts';
import { exitCodes } from '../command/exit-codes.ts';
import { textIn, type Json, type RestApi } from '../connection/rest-api.ts';
import { counted, oneLine } from '../output/plain-text.ts';

/** Where to: the body of a seek. */
export type SeekBody = { readonly time: string } | { readonly snapshot: string };

/** What the server says that a seek would do. */
export interface SeekPreview {
  readonly unackedBefore: number;
  readonly unackedAfter: number;
  readonly returningCount: number;
  readonly acknowledgedCount: number;
  readonly isExact: boolean;
  /** Of the oldest message that can come again though it is acknowledged; empty if none can. */
  readonly keptFromTime: string;
}

export async function previewSeek(
  api: RestApi,
  subscription: string,
  target: SeekBody,
): Promise<SeekPreview> {
  const json = await api.get(`sealpost/v1/${subscription}:previewSeek`, { ...target });
  return { ...(json as Json & SeekPreview), keptFromTime: textIn(json, 'keptFromTime') };
}

/** What would happen, in sentences. */
export function previewLines(preview: SeekPreview, target: SeekBody): string[] {
  const { returningCount, acknowledgedCount, unackedBefore, unackedAfter, isExact } = preview;
  const most = isExact ? '' : 'At most, as the subscription filters: ';
  const dropped =
    acknowledgedCount === 0
      ? []
      : [`${counted(acknowledgedCount, 'message')} would be acknowledged undelivered.`];
  return [
    `${most}${counted(returningCount, 'acknowledged message')} would come again: ` +
      `${unackedBefore} wait now, ${unackedAfter} would.`,
    ...dropped,
    ...gapLines(preview, target),
  ];
}

/** A replay from before what is kept brings less than was asked for. */
function gapLines({ keptFromTime }: SeekPreview, target: SeekBody): string[] {
  if (!('time' in target) || keptFromTime === '') return [];
  if (Date.parse(keptFromTime) <= Date.parse(target.time)) return [];
  return [`Acknowledged messages are there from ${oneLine(keptFromTime)} on, none from before.`];
}

/** What to say of a replay that would bring nothing. */
export function nothingKept(subscription: string, { keptFromTime }: SeekPreview): CommandError {
  const why =
    keptFromTime === ''
      ? `${subscription} has no acknowledged message any more: neither it nor its topic keeps them.`
      : `${subscription} has nothing acknowledged from then on; what it keeps begins at ${oneLine(keptFromTime)}.`;
  const keep =
    keptFromTime === ''
      ? `To keep them from now on: sealpost subscriptions update ${subscription} --retain-acked`
      : '';
  const hint = keep === '' ? {} : { hint: keep };
  return new CommandError(`Nothing would come again: ${why}`, {
    exitCode: exitCodes.refused,
    ...hint,
  });
}
