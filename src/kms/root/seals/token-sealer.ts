import { Pkcs11Error, Token, type TokenPlace } from '../../../pkcs11/index.ts';
import { type Clock, draw, type Entropy, type Logger } from '../../../runtime/index.ts';
import { RootKeyError } from '../root-key-error.ts';
import type { PlainRootKey } from '../root-key-file.ts';
import { type SealRecord, sealContext } from './seal-record.ts';
import type { Sealer } from './sealer.ts';

const keyIdBytes = 16;
const ivBytes = 12;
const tagBytes = 16;
/** At a start nobody waits but the operator; tokens on a network take their time. */
const deadlineMs = 30_000;

export interface TokenSealerPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly entropy: Entropy;
}

/** Seals by a wrapping key on a PKCS#11 token: made there with each seal, and never extractable. */
export function tokenSealer(place: TokenPlace, ports: TokenSealerPorts): Sealer {
  const token = new Token({ place, clock: ports.clock, log: ports.log, deadlineMs });
  const source = 'pkcs11';
  return {
    source,
    secretName: `the PKCS#11 token ${place.tokenLabel}`,
    seal: ({ id, bytes }: PlainRootKey) =>
      asked(async () => {
        const keyId = draw(ports.entropy, keyIdBytes);
        const label = `sealpost root key ${id}`;
        await token.generateKey({ kind: 'aes', length: 32, keyId, label });
        const iv = draw(ports.entropy, ivBytes);
        const parameters = { token: place.tokenLabel, keyId: hex(keyId), iv: hex(iv) };
        const aad = sealContext({ source, id, parameters });
        const sealed = await token.gcmEncrypt({ keyId, iv, aad, data: bytes, tagBytes });
        return { parameters, sealed };
      }),
    open: (record: SealRecord) =>
      asked(async () => {
        const { keyId, iv } = record.parameters;
        const input = { keyId: fromHex(keyId), iv: fromHex(iv), aad: sealContext(record) };
        return await token.gcmDecrypt({ ...input, data: record.sealed, tagBytes });
      }),
    close: () => token.close(),
  };
}

async function asked<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Pkcs11Error)) throw error;
    const hint =
      error.fault === 'missingKey' ? ' Is it another token than the root key was sealed by?' : '';
    throw new RootKeyError(`root key: ${error.message}${hint}`);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function fromHex(text: string | number | undefined): Uint8Array {
  return new Uint8Array(Buffer.from(String(text), 'hex'));
}
