import { fromBinary, fromJson, toBinary, toJson, type JsonValue } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';

import { Publisher, Subscriber } from '../../src/proto/google/pubsub/v1/pubsub_pb.ts';
import {
  ErrorInfoSchema,
  PreconditionFailureSchema,
} from '../../src/proto/google/rpc/error_details_pb.ts';
import { SchemaService } from '../../src/proto/google/pubsub/v1/schema_pb.ts';
import { StatusSchema } from '../../src/proto/google/rpc/status_pb.ts';
import { camelCase } from '../../src/rpc/index.ts';
import type { Rpc } from './rpc-bindings.ts';
import { StreamClient, type StreamRequest } from './stream-client.ts';
import { CallRefusal, type Json, type Wire } from './wire.ts';

const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

/** gRPC by grpc-js, without retries of the library's own. */
export class GrpcWire implements Wire {
  readonly name = 'gRPC';
  readonly #address: () => string;
  #client: Client | undefined;

  constructor(address: () => string) {
    this.#address = address;
  }

  async call<Reply = Json>(rpc: Rpc, request: Json): Promise<Reply> {
    const methods = [Publisher, Subscriber, SchemaService].flatMap((service) => service.methods);
    const method = methods.find(({ name }) => name === rpc)!;
    const json = inJsonSpelling(request) as JsonValue;
    const bytes = toBinary(method.input, fromJson(method.input, json));
    const reply = await this.send(`/${method.parent.typeName}/${method.name}`, bytes);
    return toJson(method.output, fromBinary(method.output, reply)) as Reply;
  }

  /** Any method with any bytes. */
  async send(path: string, bytes: Uint8Array): Promise<Buffer> {
    return await new Promise((resolve, reject) => {
      this.#connected().makeUnaryRequest(path, asIs, asIs, bytes, (error, reply) => {
        if (error === null) resolve(reply!);
        else reject(grpcRefusal(error));
      });
    });
  }

  /** Opens a StreamingPull; the first request says these things. `deadline`: the client's own. */
  stream(first: StreamRequest, options: { readonly deadline?: Date } = {}): StreamClient {
    const path = '/google.pubsub.v1.Subscriber/StreamingPull';
    const call = this.#connected().makeBidiStreamRequest(path, asIs, asIs, options);
    return new StreamClient(call, first);
  }

  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  #connected(): Client {
    this.#client ??= new Client(this.#address(), credentials.createInsecure(), {
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      'grpc.initial_reconnect_backoff_ms': 100,
    });
    return this.#client;
  }
}

/** A mask's paths are snake_case on this wire, however a case spells them. */
function inJsonSpelling(request: Json): Json {
  const { updateMask } = request;
  if (typeof updateMask !== 'string') return request;
  return { ...request, updateMask: camelCase(updateMask) };
}

export function grpcRefusal(error: ServiceError): CallRefusal {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const details: Json[] = [];
  if (bytes instanceof Uint8Array) {
    for (const any of fromBinary(StatusSchema, bytes).details) {
      for (const schema of [ErrorInfoSchema, PreconditionFailureSchema]) {
        const detail = anyUnpack(any, schema);
        if (detail !== undefined) details.push(toJson(schema, detail) as Json);
      }
    }
  }
  return new CallRefusal(status[error.code], error.details, details);
}
