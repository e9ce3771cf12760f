import { readFile } from 'node:fs/promises';
import { CommandError, usageError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { BatchPublisher } from './batch-publisher.ts';
import { inputChunks } from './input-chunks.ts';
import { RestSender } from './message-sender.ts';
import {
  isEmpty,
  messageOfJson,
  type MessageFrame,
  type OutgoingMessage,
} from './outgoing-message.ts';
import { PublishReport } from './publish-report.ts';
import { RecordSplitter, type InputRecord } from './record-splitter.ts';

/** What a REST request of 10 MiB holds in base64, and room for attributes. */
const messageBytesMax = 7_800_000;
const giveUpMsDefault = 60_000;

export const publish: Action = async (call, tools) => {
  const [topicText = '', text] = call.arguments;
  const topic = tools.names.topic(topicText);
  const frame = frameOf(call);
  const single = await singleMessage(call, text, frame);
  const { terminal, out, clock } = tools;
  const report = new PublishReport(topic, tools);
  const stop = terminal.stopSignal(() => report.lastWords());
  const giveUpMs = call.flags.duration('give-up-after') ?? giveUpMsDefault;
  const sender = new RestSender(topic, tools, {
    giveUpMs,
    stop,
    onWaiting: (error) => report.tellWaiting(error, giveUpMs),
  });
  const publisher = new BatchPublisher({
    sender,
    clock,
    inFlightMax: 1,
    onPublished: async (ids) => {
      report.showProgress();
      if (out.isJson)
        await out.write(ids.map((id) => `{"messageId":${JSON.stringify(id)}}\n`).join(''));
    },
  });
  report.watch(publisher, sender);
  if (single === undefined) await publishInput(call, tools, { publisher, report, frame, stop });
  else await publisher.add(single);
  await publisher.finish();
  report.tell();
};

function frameOf({ flags }: Call): MessageFrame {
  const attributes = flags.pairs('attribute') ?? {};
  return { attributes, orderingKey: flags.text('ordering-key') ?? '' };
}

/** The one message of MESSAGE or --file; undefined if messages are read from the input. */
async function singleMessage(
  { flags }: Call,
  text: string | undefined,
  frame: MessageFrame,
): Promise<OutgoingMessage | undefined> {
  const file = flags.text('file');
  const forms = [
    text !== undefined,
    file !== undefined,
    flags.isSet('jsonl'),
    flags.isSet('null-delimited'),
  ];
  if (forms.filter(Boolean).length > 1) {
    throw usageError('Give one of MESSAGE, --file, --jsonl and --null-delimited.');
  }
  if (text === undefined && file === undefined) return undefined;
  const data = file === undefined ? Buffer.from(text!) : await bytesOf(file);
  if (data.length > messageBytesMax) {
    throw new CommandError(
      `The message has ${data.length} bytes; ${messageBytesMax} are the most.`,
    );
  }
  if (!isEmpty({ data, ...frame })) return { data, ...frame };
  throw usageError('A message needs data, or an attribute: --attribute NAME=VALUE.');
}

async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new CommandError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

interface Input {
  readonly publisher: BatchPublisher;
  readonly report: PublishReport;
  readonly frame: MessageFrame;
  readonly stop: AbortSignal;
}

/** Every record of standard input until its end, a stop or a failure. */
async function publishInput(call: Call, { terminal, out }: Tools, input: Input): Promise<void> {
  const { publisher, report, stop } = input;
  const { stdin } = terminal;
  if (stdin.isTTY) out.note('Each line is a message. End with Ctrl-D.');
  report.isInputRead = true;
  const isNullDelimited = call.flags.isSet('null-delimited');
  const splitter = new RecordSplitter({ isNullDelimited, bytesMax: messageBytesMax });
  const isJsonl = call.flags.isSet('jsonl');
  const isBad = new AbortController();
  const end = AbortSignal.any([stop, publisher.failed, isBad.signal]);
  const take = async (record: InputRecord): Promise<void> => {
    // What was read behind a bad line is not published, but it is counted.
    if (isBad.signal.aborted) return void report.droppedCount++;
    try {
      await addRecord(record, isJsonl, input);
    } catch (error) {
      report.inputFailure = error;
      report.droppedCount++;
      isBad.abort();
    }
  };
  try {
    for await (const chunk of inputChunks(stdin, end)) {
      for (const record of splitter.push(chunk)) await take(record);
    }
    const rest = end.aborted ? undefined : splitter.rest();
    if (rest !== undefined) await take(rest);
  } catch (error) {
    report.inputFailure ??= error;
  }
  report.hasUnfinished = splitter.hasRest;
}

async function addRecord(record: InputRecord, isJsonl: boolean, input: Input): Promise<void> {
  const { publisher, report, frame } = input;
  if (record.isTooLong) {
    const message = `Input message ${record.number} is longer than ${messageBytesMax} bytes.`;
    throw new CommandError(message);
  }
  if (isJsonl && record.bytes.length === 0) return void report.skippedCount++;
  const message = isJsonl
    ? messageOfJson(record.bytes, record.number, frame)
    : { data: record.bytes, ...frame };
  if (isEmpty(message)) report.skippedCount++;
  else await publisher.add(message);
  if (publisher.addedCount % 1000 === 0) report.showProgress();
}
