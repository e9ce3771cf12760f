import { scanned, unusual, type JsonScanner } from './json-scanner.ts';

/** A message as its JSON says it, not yet checked against any limit. */
export interface ScannedMessage {
  readonly data: Uint8Array;
  readonly attributes: [string, string][];
  readonly orderingKey: string;
}

const noBytes = new Uint8Array(0);

/**
 * Reads `{"messages": [{"data": …, "attributes": …, "orderingKey": …}]}`; undefined for anything
 * else.
 */
export function scanPublishRequest(body: Buffer): ScannedMessage[] | undefined {
  return scanned(body, (scanner) => {
    let messages: ScannedMessage[] | undefined;
    scanner.members((name) => {
      if (name !== 'messages' || messages !== undefined) throw unusual;
      messages = scanMessages(scanner);
    });
    if (messages === undefined) throw unusual;
    return messages;
  });
}

/** A list of PubsubMessages. */
export function scanMessages(scanner: JsonScanner): ScannedMessage[] {
  return scanner.items(() => scanMessage(scanner));
}

function scanMessage(scanner: JsonScanner): ScannedMessage {
  let data: Uint8Array | undefined;
  let attributes: [string, string][] | undefined;
  let orderingKey: string | undefined;
  scanner.members((name) => {
    if (name === 'data' && data === undefined) data = scanner.base64();
    else if (name === 'attributes' && attributes === undefined) {
      attributes = scanAttributes(scanner);
    } else if (name === 'orderingKey' && orderingKey === undefined) orderingKey = scanner.text();
    else throw unusual;
  });
  return { data: data ?? noBytes, attributes: attributes ?? [], orderingKey: orderingKey ?? '' };
}

function scanAttributes(scanner: JsonScanner): [string, string][] {
  const attributes = new Map<string, string>();
  scanner.members((name) => {
    // The real parser sorts keys that look like numbers; the order of a map says nothing anyway.
    attributes.set(name, scanner.text());
  });
  return [...attributes];
}
