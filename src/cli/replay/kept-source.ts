import { CommandError, usageError } from '../command/command-error.ts';
import { exitCodes } from '../command/exit-codes.ts';
import type { Tools } from '../command/tools.ts';
import { textIn, type Json, type RestApi } from '../connection/rest-api.ts';
import { shortId } from '../connection/resource-names.ts';
import { diagnose } from '../doctor/diagnosis.ts';
import { draw } from '../../runtime/index.ts';
import { PulledSource } from './pulled-source.ts';
import { previewSeek, type SeekBody } from './seek-preview.ts';

const prefix = 'replay-';
/** The shortest there is: what a replay that is never resumed leaves behind goes by itself. */
const lifetime = '86400s';

/**
 * What a topic kept, by a subscription that is there for the replay alone: what is acknowledged in
 * it is how far the replay has come.
 */
export class KeptSource extends PulledSource {
  readonly #kept: { readonly api: RestApi; readonly name: string };

  /** On the topic of `subscription` and with its filter. */
  static async make(
    { api, entropy }: Pick<Tools, 'api' | 'entropy'>,
    subscription: string,
    target: SeekBody,
  ): Promise<KeptSource> {
    const { topic, filter } = await api.get(subscription);
    const parent = subscription.slice(0, subscription.lastIndexOf('/'));
    const name = `${parent}/${prefix}${Buffer.from(draw(entropy, 8)).toString('hex')}`;
    await api.put(name, {
      topic,
      ackDeadlineSeconds: 600,
      enableMessageOrdering: true,
      expirationPolicy: { ttl: lifetime },
      ...(filter === undefined ? {} : { filter }),
    });
    try {
      if ('time' in target) await requireKept(api, name, String(topic), target);
      await api.post(`${name}:seek`, target);
      return await KeptSource.at(api, name);
    } catch (error) {
      await api.delete(name);
      throw error;
    }
  }

  /** One that an earlier replay made. */
  static async resumed(api: RestApi, name: string): Promise<KeptSource> {
    if (!shortId(name).startsWith(prefix)) {
      throw usageError('--resume must be what a replay printed.');
    }
    return await KeptSource.at(api, name);
  }

  static async at(api: RestApi, name: string): Promise<KeptSource> {
    const diagnosis = await diagnose(api, name);
    if (diagnosis === undefined) throw usageError(`The replay ${name} is over, or too old.`);
    return new KeptSource(api, name, diagnosis.unackedCount ?? 0);
  }

  private constructor(api: RestApi, name: string, total: number) {
    super(api, name, total);
    this.#kept = { api, name };
  }

  override get resume(): string {
    return this.#kept.name;
  }

  override async finish(): Promise<void> {
    await this.#kept.api.delete(this.#kept.name);
  }
}

/** A new subscription gets from before its time only what the topic itself keeps. */
async function requireKept(
  api: RestApi,
  name: string,
  topic: string,
  target: SeekBody,
): Promise<void> {
  const { keptFromTime } = await previewSeek(api, name, target);
  if (keptFromTime !== '') return;
  const settings: Json = await api.get(topic);
  const retention = textIn(settings, 'messageRetentionDuration');
  const why = retention === '' ? 'it has no retention' : 'nothing was published for so long';
  throw new CommandError(`The topic ${topic} keeps no message: ${why}.`, {
    exitCode: exitCodes.refused,
    hint: `To keep what is published from now on: sealpost topics update ${shortId(topic)} --retention 7d`,
  });
}
