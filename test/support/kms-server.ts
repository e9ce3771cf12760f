import { create, fromBinary, toBinary, type DescMethod, type Message } from '@bufbuild/protobuf';
import {
  Metadata,
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';

import { domainOf, statusDetails, toWireError } from '../../src/api/error-mapping.ts';
import { crc32c } from '../../src/crypto/index.ts';
import { operatorMember } from '../../src/kms/index.ts';
import { CryptoKeyVersionSchema } from '../../src/proto/google/cloud/kms/v1/resources_pb.ts';
import {
  DecryptResponseSchema,
  EncryptResponseSchema,
  KeyManagementService,
  type DecryptRequest,
  type DecryptResponse,
  type EncryptRequest,
  type EncryptResponse,
  type GetCryptoKeyVersionRequest,
} from '../../src/proto/google/cloud/kms/v1/service_pb.ts';
import {
  KeyChangedSchema,
  KeyWatch,
  ProjectNumberSchema,
  ReportUseResponseSchema,
  type KeyChanged_Kind,
  type ReportUseRequest,
} from '../../src/proto/sealpost/v1/key_watch_pb.ts';
import { RpcError, statusTable } from '../../src/rpc/index.ts';
import { ScriptedKeyService } from './scripted-key-service.ts';

type Handler = (request: never, metadata: Metadata) => Promise<Message>;

/** Numbers of CryptoKeyVersionState: ENABLED and DISABLED. */
const states = { enabled: 1, disabled: 2 } as const;

/**
 * A key service behind the official gRPC API whose answers a test can spoil: real encryption, real
 * sockets, every call counted.
 */
export class KmsServer {
  readonly keys: ScriptedKeyService = new ScriptedKeyService();
  /** Short names of the calls that came, in order. */
  readonly calls: string[] = [];
  readonly metadata: Metadata[] = [];
  readonly reports: ReportUseRequest[] = [];
  /** Watches that are open now. */
  readonly watches: Set<ServerWritableStream<Buffer, Uint8Array>> = new Set();
  readonly disabledVersions: Set<string> = new Set();
  /** Changes an answer on its way out. */
  spoilEncrypt: (answer: EncryptResponse) => void = () => undefined;
  spoilDecrypt: (answer: DecryptResponse) => void = () => undefined;
  /** Response metadata of each Decrypt. */
  decryptHeaders: () => Readonly<Record<string, string>> = () => ({});
  /** False: KeyWatch is UNIMPLEMENTED, as at Cloud KMS. */
  isSealpost = true;
  /** Watches are taken, and nothing is said. */
  isMute = false;
  readonly #credentials: ServerCredentials;
  #server = new Server();
  #port = 0;

  constructor(serverCredentials: ServerCredentials = ServerCredentials.createInsecure()) {
    this.#credentials = serverCredentials;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  count(name: string): number {
    return this.calls.filter((call) => call === name).length;
  }

  /** On the port of its last life, if it had one. */
  async start(): Promise<void> {
    this.#server = new Server();
    const { encrypt, decrypt, getCryptoKeyVersion } = KeyManagementService.method;
    this.#unary(encrypt, (request) => this.#encrypt(request));
    this.#unary(decrypt, (request) => this.#decrypt(request));
    this.#unary(getCryptoKeyVersion, async (request: GetCryptoKeyVersionRequest) => {
      const state = this.disabledVersions.has(request.name) ? states.disabled : states.enabled;
      return create(CryptoKeyVersionSchema, { name: request.name, state });
    });
    this.#unary(KeyWatch.method.getProjectNumber, async () => {
      this.#requireSealpost();
      return create(ProjectNumberSchema, { projectNumber: '712345678901' });
    });
    this.#unary(KeyWatch.method.reportUse, async (request: ReportUseRequest) => {
      this.reports.push(request);
      return create(ReportUseResponseSchema);
    });
    this.#server.register(
      pathOf(KeyWatch.method.watch),
      this.#watch,
      asBuffer,
      asIs,
      'serverStream',
    );
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${this.#port}`, this.#credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  /** Connections break, as when the process is killed. */
  stop(): void {
    this.watches.clear();
    this.#server.forceShutdown();
  }

  push(kind: KeyChanged_Kind, resource: string = ''): void {
    for (const watch of this.watches) {
      watch.write(toBinary(KeyChangedSchema, create(KeyChangedSchema, { kind, resource })));
    }
  }

  endWatches(): void {
    for (const watch of this.watches) watch.end();
  }

  readonly #watch = (call: ServerWritableStream<Buffer, Uint8Array>): void => {
    this.calls.push('Watch');
    if (!this.isSealpost) {
      call.emit('error', { code: statusTable.UNIMPLEMENTED.number, details: 'no such service' });
      return;
    }
    this.watches.add(call);
    call.on('close', () => this.watches.delete(call));
    call.on('cancelled', () => this.watches.delete(call));
    if (this.isMute) call.sendMetadata(new Metadata());
    else call.write(toBinary(KeyChangedSchema, create(KeyChangedSchema, { kind: 1 })));
  };

  #requireSealpost(): void {
    if (!this.isSealpost) throw new RpcError('UNIMPLEMENTED', 'NONE', 'no such service');
  }

  async #encrypt(request: EncryptRequest): Promise<EncryptResponse> {
    const { name, ciphertext } = await this.keys.encrypt(request, caller);
    const answer = create(EncryptResponseSchema, {
      name,
      ciphertext,
      ciphertextCrc32c: BigInt(crc32c(ciphertext)),
      verifiedPlaintextCrc32c: request.plaintextCrc32c === BigInt(crc32c(request.plaintext)),
      verifiedAdditionalAuthenticatedDataCrc32c:
        request.additionalAuthenticatedDataCrc32c ===
        BigInt(crc32c(request.additionalAuthenticatedData)),
    });
    this.spoilEncrypt(answer);
    return answer;
  }

  async #decrypt(request: DecryptRequest): Promise<DecryptResponse> {
    if (request.ciphertextCrc32c !== BigInt(crc32c(request.ciphertext))) {
      const text = 'The checksum in field ciphertext_crc32c did not match the data.';
      throw new RpcError('INVALID_ARGUMENT', 'CHECKSUM', text);
    }
    const { plaintext } = await this.keys.decrypt(request, caller);
    const plaintextCrc32c = BigInt(crc32c(plaintext));
    const answer = create(DecryptResponseSchema, { plaintext, plaintextCrc32c });
    this.spoilDecrypt(answer);
    return answer;
  }

  #unary(desc: DescMethod, handle: Handler): void {
    const answer = async (
      call: ServerUnaryCall<Buffer, Uint8Array>,
      callback: sendUnaryData<Uint8Array>,
    ): Promise<void> => {
      this.calls.push(desc.name);
      this.metadata.push(call.metadata);
      try {
        const response = await handle(fromBinary(desc.input, call.request) as never, call.metadata);
        if (desc.name === 'Decrypt') call.sendMetadata(metadataOf(this.decryptHeaders()));
        callback(null, toBinary(desc.output, response));
      } catch (thrown) {
        const error = toWireError(thrown, domainOf(desc.parent.typeName));
        const metadata = new Metadata();
        metadata.set('grpc-status-details-bin', Buffer.from(statusDetails(error)));
        const code = status[error.code];
        callback({ code, details: error.message, metadata });
      }
    };
    this.#server.register(
      pathOf(desc),
      (call: ServerUnaryCall<Buffer, Uint8Array>, callback: sendUnaryData<Uint8Array>) =>
        void answer(call, callback),
      asBuffer,
      asIs,
      'unary',
    );
  }
}

const caller = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' } as const;

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

const pathOf = (desc: DescMethod): string => `/${desc.parent.typeName}/${desc.name}`;

const asIs = (bytes: Buffer): Buffer => bytes;

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
