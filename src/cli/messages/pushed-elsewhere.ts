import { CommandError } from '../command/command-error.ts';
import { exitCodes } from '../command/exit-codes.ts';
import { Refusal } from '../connection/refusal.ts';
import { textIn, type Json, type RestApi } from '../connection/rest-api.ts';
import { oneLine } from '../output/plain-text.ts';

/**
 * What to tell of an error of `subscription`, which the user wrote as `text`: where its messages
 * are sent if that is why nobody can ask for them; else the error as it is.
 */
export async function pushedElsewhere(
  error: unknown,
  { api, subscription, text }: { api: RestApi; subscription: string; text: string },
): Promise<unknown> {
  if (!(error instanceof Refusal) || error.reason !== 'SUBSCRIPTION_IS_PUSHED') return error;
  const endpoint = await endpointOf(api, subscription);
  return new CommandError(`${error.code}: ${text} pushes to ${oneLine(endpoint)}.`, {
    exitCode: exitCodes.refused,
    hint: `To receive it here: sealpost subscriptions modify-push-config ${text} --clear`,
  });
}

/** Whoever may not read the subscription is told the rest. */
async function endpointOf(api: RestApi, subscription: string): Promise<string> {
  try {
    const { pushConfig = {} } = await api.get(subscription);
    return textIn(pushConfig as Json, 'pushEndpoint') || 'another place';
  } catch {
    return 'another place';
  }
}
