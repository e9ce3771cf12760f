import { scanned, unusual, type JsonScanner } from '../../json/json-scanner.ts';
import { sealableMessages } from '../../json/publish-json.ts';
import { scanMessages, type ScannedMessage } from '../../json/publish-scan.ts';
import type { ClientFrame } from '../frames.ts';
import { checkedSettle, readRequest, type RequestName } from './frame-rules.ts';

/** What the scanner found of a request that comes often. */
interface ScannedFrame {
  id: number;
  name: RequestName | null;
  topic: string;
  messages: readonly ScannedMessage[];
  stream: number;
  ackIds: readonly string[];
  deadlineSeconds: number;
}

/**
 * Reads a publish, an acknowledge or a modifyAckDeadline as most clients write them; undefined for
 * everything else.
 */
export function scanFrame(message: Buffer): ClientFrame | undefined {
  const found = scanned(message, scanMembers);
  if (found === undefined || found.name === null) return undefined;
  return readRequest(found.id, [found.name], (name) => frameOf(found, name()));
}

function frameOf(found: ScannedFrame, name: RequestName): ClientFrame {
  const { id, stream, ackIds } = found;
  if (name === 'publish') {
    return { kind: 'publish', id, topic: found.topic, messages: sealableMessages(found.messages) };
  }
  const deadlineSeconds = name === 'acknowledge' ? null : found.deadlineSeconds;
  return checkedSettle({ kind: 'settle', id, stream, ackIds, deadlineSeconds });
}

function scanMembers(scanner: JsonScanner): ScannedFrame {
  const found: ScannedFrame = {
    id: 0,
    name: null,
    topic: '',
    messages: [],
    stream: 0,
    ackIds: [],
    deadlineSeconds: 0,
  };
  scanner.members((name) => {
    if (name === 'id') found.id = scanner.integer();
    else if (found.name !== null) throw unusual;
    else scanRequest(scanner, name, found);
  });
  return found;
}

function scanRequest(scanner: JsonScanner, name: string, found: ScannedFrame): void {
  if (name === 'publish') {
    found.name = name;
    scanner.members((member) => {
      if (member === 'topic') found.topic = scanner.text();
      else if (member === 'messages') found.messages = scanMessages(scanner);
      else throw unusual;
    });
    return;
  }
  if (name !== 'acknowledge' && name !== 'modifyAckDeadline') throw unusual;
  found.name = name === 'acknowledge' ? name : 'modify_ack_deadline';
  scanner.members((member) => {
    if (member === 'stream') found.stream = scanner.integer();
    else if (member === 'ackIds') found.ackIds = scanner.items(() => scanner.text());
    else if (member === 'ackDeadlineSeconds' && name === 'modifyAckDeadline') {
      found.deadlineSeconds = scanner.integer();
    } else throw unusual;
  });
}
