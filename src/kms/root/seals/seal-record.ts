import { createHash } from 'node:crypto';
import { associatedData } from '../../../crypto/index.ts';

/** What protects the root key at rest. `file`: nothing but the mode of its file. */
export type SealSource = 'file' | 'passphrase' | 'environment' | 'pkcs11' | 'systemd-credential';

export const sealSources: readonly SealSource[] = [
  'file',
  'passphrase',
  'environment',
  'pkcs11',
  'systemd-credential',
];

export type SealParameters = Readonly<Record<string, string | number>>;

/** The root key, sealed: of no use without what its source names. */
export interface SealRecord {
  readonly source: Exclude<SealSource, 'file'>;
  /** The root key's. */
  readonly id: string;
  /** What the source needs to open it again; no secret. */
  readonly parameters: SealParameters;
  readonly sealed: Uint8Array;
  /** Of the key, to tell another key from the right one. */
  readonly check: Uint8Array;
}

/** Magic line, one line of JSON, SHA-256 of both in hexadecimal digits: damage is no wrong secret. */
const magic = 'sealpost root seal v1\n';
const digestCharacters = 64;
export const sealRecordBytesMax = 16_384;

export function composeSealRecord(record: SealRecord): Uint8Array {
  const { source, id, parameters, sealed, check } = record;
  const fields = { source, id, parameters, sealed: base64(sealed), check: base64(check) };
  const head = `${magic}${JSON.stringify(fields)}\n`;
  return new TextEncoder().encode(`${head}${digestOf(head)}\n`);
}

export function isSealRecord(content: Uint8Array): boolean {
  return Buffer.from(content.subarray(0, magic.length)).toString('latin1') === magic;
}

/** Null if it is damaged. */
export function parseSealRecord(content: Uint8Array): SealRecord | null {
  const text = new TextDecoder().decode(content);
  const head = text.slice(0, -digestCharacters - 1);
  if (text !== `${head}${digestOf(head)}\n` || !head.startsWith(magic)) return null;
  const { source, id, parameters, sealed, check } = JSON.parse(head.slice(magic.length)) as Fields;
  return { source, id, parameters, sealed: fromBase64(sealed), check: fromBase64(check) };
}

interface Fields extends Pick<SealRecord, 'source' | 'id' | 'parameters'> {
  readonly sealed: string;
  readonly check: string;
}

/** What a seal binds: everything in its record but the check. */
export function sealContext(seal: Pick<SealRecord, 'source' | 'id' | 'parameters'>): Uint8Array {
  const { source, id, parameters } = seal;
  return associatedData(['sealpost/root-seal/v1', source, id, JSON.stringify(parameters)]);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
