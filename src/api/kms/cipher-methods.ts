import {
  decryptChecked,
  type EmbeddedKeyService,
  encryptChecked,
  type KeyCaller,
  operatorMember,
} from '../../kms/index.ts';
import type { JsonValue } from '../json.ts';
import type { RestCall } from '../route.ts';
import { JsonFields } from './json-fields.ts';
import { requireNoQuery } from './query-fields.ts';

/** Whoever reaches the API: nobody is authenticated there yet. */
const operator: KeyCaller = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' };

const aadField = 'additionalAuthenticatedData';
const none = new Uint8Array(0);

/** Encrypt with CRC-32C both ways; int64 values travel as strings (proto3 JSON). */
export async function encrypt(service: EmbeddedKeyService, call: RestCall): Promise<JsonValue> {
  const body = fieldsOf(call, 'plaintext');
  const response = await encryptChecked(
    service,
    {
      name: call.params['name']!,
      plaintext: body.bytes('plaintext') ?? none,
      additionalAuthenticatedData: body.bytes(aadField) ?? none,
    },
    { ...checksum(body, 'plaintext'), ...checksum(body, aadField) },
    operator,
  );
  return {
    name: response.name,
    ciphertext: base64(response.ciphertext),
    ciphertextCrc32c: String(response.ciphertextCrc32c),
    ...(response.verifiedPlaintextCrc32c && { verifiedPlaintextCrc32c: true }),
    ...(response.verifiedAdditionalAuthenticatedDataCrc32c && {
      verifiedAdditionalAuthenticatedDataCrc32c: true,
    }),
    protectionLevel: 'SOFTWARE',
  };
}

/** Decrypt; an empty plaintext and false are left out, as proto3 JSON does. */
export async function decrypt(service: EmbeddedKeyService, call: RestCall): Promise<JsonValue> {
  const body = fieldsOf(call, 'ciphertext');
  const response = await decryptChecked(
    service,
    {
      name: call.params['name']!,
      ciphertext: body.bytes('ciphertext') ?? none,
      additionalAuthenticatedData: body.bytes(aadField) ?? none,
    },
    { ...checksum(body, 'ciphertext'), ...checksum(body, aadField) },
    operator,
  );
  const plaintext = base64(response.plaintext);
  response.plaintext.fill(0);
  return {
    ...(plaintext !== '' && { plaintext }),
    plaintextCrc32c: String(response.plaintextCrc32c),
    ...(response.usedPrimary && { usedPrimary: true }),
    protectionLevel: 'SOFTWARE',
  };
}

function fieldsOf(call: RestCall, input: 'plaintext' | 'ciphertext'): JsonFields {
  requireNoQuery(call);
  const known = ['name', input, aadField, `${input}Crc32c`, `${aadField}Crc32c`];
  return new JsonFields(call.json(), known);
}

function checksum<Name extends string>(body: JsonFields, name: Name): { [K in Name]?: number } {
  const value = body.integer(`${name}Crc32c`, 'TYPE_INT64');
  return value === undefined ? {} : ({ [name]: value } as { [K in Name]?: number });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}
