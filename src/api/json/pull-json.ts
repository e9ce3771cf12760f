import { decodeMessage, type Delivery } from '../../broker/index.ts';
import { formatTimestamp } from '../../rpc/index.ts';
import { TextWriter } from './text-writer.ts';

/** A PublishResponse in JSON; ids are decimal digits. */
export function writePublishResponse(ids: readonly string[]): Buffer {
  return Buffer.from(`{\n  "messageIds": [\n    "${ids.join('",\n    "')}"\n  ]\n}\n`, 'latin1');
}

const noMessages = Buffer.from('{}\n');

/** What stands before a received message, its parts, a message's fields, an attribute. */
interface Layout {
  readonly item: string;
  readonly part: string;
  readonly field: string;
  readonly attribute: string;
  /** With what stands behind it. */
  readonly colon: string;
}

const printed: Layout = {
  item: '\n    ',
  part: '\n      ',
  field: '\n        ',
  attribute: '\n          ',
  colon: ': ',
};
const compact: Layout = { item: '', part: '', field: '', attribute: '', colon: ':' };

/** Beside its data in base64, what a message takes in JSON, unless it has large attributes. */
const messageBytes = 512;

/** A PullResponse in JSON, printed as production prints it; `{}` if there is nothing. */
export function writePullResponse(batch: readonly Delivery[]): Uint8Array {
  if (batch.length === 0) return noMessages;
  return writeList(batch, '{\n  "receivedMessages": [', '\n  ]\n}\n', printed);
}

/** ReceivedMessages in JSON without white space, between a head and a tail in ASCII. */
export function writeReceivedMessages(
  batch: readonly Delivery[],
  head: string,
  tail: string,
): Buffer {
  return writeList(batch, `${head}[`, `]${tail}`, compact);
}

function writeList(batch: readonly Delivery[], head: string, tail: string, layout: Layout): Buffer {
  let size = head.length + tail.length;
  for (const { bytes } of batch) size += messageBytes + Math.ceil((bytes.length * 4) / 3);
  const writer = new ReceivedWriter(size, layout);
  writer.out.ascii(head);
  for (let index = 0; index < batch.length; index++) {
    if (index > 0) writer.out.ascii(',');
    writer.write(batch[index]!);
  }
  writer.out.ascii(tail);
  return writer.out.take();
}

/** Ack ids, message ids and timestamps are our own and need no escaping. */
class ReceivedWriter {
  readonly out: TextWriter;
  readonly #layout: Layout;
  /** Messages of one batch were mostly published together. */
  #timeMs = Number.NaN;
  #time = '';

  constructor(sizeGuess: number, layout: Layout) {
    this.out = new TextWriter(sizeGuess);
    this.#layout = layout;
  }

  write(delivery: Delivery): void {
    const { out } = this;
    const { item, part, field, colon } = this.#layout;
    const { data, attributes, orderingKey } = decodeMessage(delivery.bytes);
    let text = `${item}{${part}"ackId"${colon}"${delivery.ackId}",${part}"message"${colon}{`;
    if (data.length > 0) {
      out.ascii(`${text}${field}"data"${colon}"`);
      out.base64(data);
      text = '",';
    }
    if (attributes.length > 0) {
      out.ascii(`${text}${field}"attributes"${colon}{`);
      out.text(this.#attributes(attributes));
      text = `${field}},`;
    }
    const time = this.#timeOf(delivery.publishTimeMs);
    text += `${field}"messageId"${colon}"${delivery.messageId}",${field}"publishTime"${colon}"${time}"`;
    if (orderingKey !== '') {
      out.ascii(`${text},${field}"orderingKey"${colon}`);
      out.text(JSON.stringify(orderingKey));
      text = '';
    }
    const attempt = delivery.deliveryAttempt;
    const last = attempt > 0 ? `,${part}"deliveryAttempt"${colon}${attempt}` : '';
    out.ascii(`${text}${part}}${last}${item}}`);
  }

  #timeOf(timeMs: number): string {
    if (timeMs !== this.#timeMs) {
      this.#timeMs = timeMs;
      this.#time = formatTimestamp(timeMs);
    }
    return this.#time;
  }

  #attributes(attributes: readonly (readonly [string, string])[]): string {
    const { attribute, colon } = this.#layout;
    let text = '';
    for (const [key, value] of attributes) {
      if (text !== '') text += ',';
      text += `${attribute}${JSON.stringify(key)}${colon}${JSON.stringify(value)}`;
    }
    return text;
  }
}
