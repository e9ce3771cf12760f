import {
  create,
  fromBinary,
  toBinary,
  type DescFile,
  type DescService,
  type MessageInitShape,
} from '@bufbuild/protobuf';
import type { ServerDuplexStream } from '@grpc/grpc-js';

import { invalidArgument } from '../../broker/index.ts';
import { statusTable, type StatusCode } from '../../rpc/index.ts';
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionRequest,
} from '../../proto/grpc/reflection/v1/reflection_pb.ts';
import { DescriptorIndex } from './descriptor-index.ts';
import type { GrpcContext } from './grpc-context.ts';
import { StreamCall } from './stream-call.ts';

type Answer = MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse'];

const charsMax = 200;

/**
 * grpc.reflection: the protos of what is served, as they were compiled in. `v1` and `v1alpha` are
 * the same bytes under two names.
 */
export class ReflectionService {
  readonly #context: GrpcContext;
  readonly #services: readonly DescService[];
  readonly #index: DescriptorIndex;

  constructor(context: GrpcContext, services: readonly DescService[]) {
    this.#context = context;
    this.#services = services;
    this.#index = new DescriptorIndex(services.map(({ file }) => file));
  }

  accept(call: ServerDuplexStream<Buffer, Uint8Array>, rpc: string): void {
    const stream = new StreamCall(call, rpc, this.#context, () => undefined);
    // A caller that is refused is told so before it asks anything.
    stream.begin(() => {
      call.on('data', (bytes: Buffer) => stream.guard(() => this.#take(call, stream, bytes)));
      call.on('end', () => stream.end());
    });
  }

  #take(call: ServerDuplexStream<Buffer, Uint8Array>, stream: StreamCall, bytes: Buffer): void {
    const isTaken = stream.send(this.#answer(readRequest(bytes)));
    if (isTaken) return;
    call.pause();
    call.once('drain', () => call.resume());
  }

  #answer(request: ServerReflectionRequest): Uint8Array {
    const response = create(ServerReflectionResponseSchema, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: this.#find(request.messageRequest),
    });
    return toBinary(ServerReflectionResponseSchema, response);
  }

  #find(request: ServerReflectionRequest['messageRequest']): NonNullable<Answer> {
    switch (request.case) {
      case 'fileByFilename':
        return this.#files(this.#index.fileByName(request.value), request.value);
      case 'fileContainingSymbol':
        return this.#files(this.#index.fileOfSymbol(request.value), request.value);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = request.value;
        const file = this.#index.fileOfExtension(containingType, extensionNumber);
        return this.#files(file, `${containingType} ${extensionNumber}`);
      }
      case 'allExtensionNumbersOfType':
        return this.#extensionNumbers(request.value);
      case 'listServices': {
        const service = this.#services.map(({ typeName: name }) => ({ name }));
        return { case: 'listServicesResponse', value: { service } };
      }
      default:
        return refusal('INVALID_ARGUMENT', 'The request asks for nothing that is known here.');
    }
  }

  #files(file: DescFile | undefined, asked: string): NonNullable<Answer> {
    if (file === undefined) return notFound(asked);
    const fileDescriptorProto = this.#index.withImports(file);
    return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
  }

  #extensionNumbers(message: string): NonNullable<Answer> {
    const extensionNumber = this.#index.extensionNumbers(message);
    if (extensionNumber === undefined) return notFound(message);
    const value = { baseTypeName: message, extensionNumber };
    return { case: 'allExtensionNumbersResponse', value };
  }
}

function readRequest(bytes: Buffer): ServerReflectionRequest {
  try {
    return fromBinary(ServerReflectionRequestSchema, bytes);
  } catch {
    throw invalidArgument('not a valid serialised ServerReflectionRequest');
  }
}

const notFound = (asked: string): NonNullable<Answer> =>
  refusal('NOT_FOUND', `Nothing is known here of ${asked.slice(0, charsMax)}.`);

/** An answer too: it ends nothing. */
function refusal(code: StatusCode, errorMessage: string): NonNullable<Answer> {
  return {
    case: 'errorResponse',
    value: { errorCode: statusTable[code].number, errorMessage },
  };
}
