import {
  createRegistry,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescMethod,
  type JsonValue,
} from '@bufbuild/protobuf';
import { AnySchema, EmptySchema } from '@bufbuild/protobuf/wkt';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { afterAll } from 'vitest';

import { file_google_cloud_audit_audit_log as auditFile } from '../../src/proto/google/cloud/audit/audit_log_pb.ts';
import {
  file_google_cloud_kms_v1_service as kmsFile,
  KeyManagementService,
} from '../../src/proto/google/cloud/kms/v1/service_pb.ts';
import { Locations } from '../../src/proto/google/cloud/location/locations_pb.ts';
import { IAMPolicy } from '../../src/proto/google/iam/v1/iam_policy_pb.ts';
import { LoggingServiceV2 } from '../../src/proto/google/logging/v2/logging_pb.ts';
import { Operations } from '../../src/proto/google/longrunning/operations_pb.ts';
import { file_google_rpc_error_details as detailsFile } from '../../src/proto/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../src/proto/google/rpc/status_pb.ts';
import { camelCase } from '../../src/rpc/index.ts';
import { keyBindings, type KeyRpc } from './key-bindings.ts';
import { freshId } from './live-api.ts';
import type { TestedServer } from './tested-server.ts';
import { CallRefusal, type Json, type WireName } from './wire.ts';

export type Headers = Readonly<Record<string, string>>;

/** A call of the key service and what is beside it, in protobuf's JSON form on either wire. */
type Call = (rpc: KeyRpc, request: Json, headers: Headers) => Promise<unknown>;

/** An answer that is not OK. */
export interface Refused {
  readonly code: string;
  readonly message: string;
  readonly details: readonly Json[];
}

/** Cloud KMS over one wire, in a location of its own. */
export class KeyClient {
  readonly #call: Call;
  readonly project: string;

  constructor(call: Call, project: string) {
    this.#call = call;
    this.project = project;
  }

  get location(): string {
    return `${this.project}/locations/global`;
  }

  async call<Reply = Json>(rpc: KeyRpc, request: Json, headers: Headers = {}): Promise<Reply> {
    return (await this.#call(rpc, request, headers)) as Reply;
  }

  async refusal(rpc: KeyRpc, request: Json): Promise<Refused> {
    const thrown: unknown = await this.call(rpc, request).catch((error: unknown) => error);
    if (!(thrown instanceof CallRefusal)) throw new Error(`${rpc}: ${JSON.stringify(thrown)}`);
    const { code, message, details } = thrown;
    return { code, message, details };
  }

  /** A new key ring; its name. */
  async keyRing(): Promise<string> {
    const request = { parent: this.location, keyRingId: freshId('ring') };
    return (await this.call<{ name: string }>('CreateKeyRing', request)).name;
  }

  /** A new key in a new ring; its name. */
  async key(cryptoKey: Json = {}, more: Json = {}): Promise<string> {
    const request = {
      parent: await this.keyRing(),
      cryptoKeyId: freshId('key'),
      cryptoKey: { purpose: 'ENCRYPT_DECRYPT', ...cryptoKey },
      ...more,
    };
    return (await this.call<{ name: string }>('CreateCryptoKey', request)).name;
  }
}

/** The key service of a server over a wire; closed with the calling file. */
export function keyClient(server: TestedServer, wire: WireName, id: string = 'keys'): KeyClient {
  const project = `projects/${id}-${wire.toLowerCase()}${server.projectSuffix}`;
  return new KeyClient(wire === 'gRPC' ? grpcCall(server) : restCall(server), project);
}

const registry = createRegistry(auditFile, kmsFile, detailsFile, EmptySchema);

function restCall(server: TestedServer): Call {
  return async (rpc, request, headers) => {
    const { method, path, body } = keyBindings[rpc](request);
    const reply = await fetch(new URL(path, `${server.url}/v1/`), {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const json = (await reply.json()) as { error?: Json & { details?: Json[] } };
    if (reply.ok) return json;
    const { status: code, message, details } = json.error!;
    throw new CallRefusal(String(code), String(message), details);
  };
}

const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

function grpcCall(server: TestedServer): Call {
  let connected: Client | undefined;
  afterAll(() => connected?.close());
  return (rpc, request, headers) => {
    connected ??= new Client(server.address, credentials.createInsecure(), {
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
    });
    const client = connected;
    const { input, output, parent, name } = methodOf(rpc);
    const json = inJsonSpelling(request) as JsonValue;
    const bytes = toBinary(input, fromJson(input, json));
    const metadata = Metadata.fromHttp2Headers({ ...headers });
    const answer = new Promise<Buffer>((resolve, reject) => {
      const path = `/${parent.typeName}/${name}`;
      client.makeUnaryRequest(path, asIs, asIs, bytes, metadata, (error, reply) => {
        if (error !== null) reject(refusalOf(error));
        else resolve(reply!);
      });
    });
    return answer.then((reply) => toJson(output, fromBinary(output, reply), { registry }));
  };
}

function methodOf(rpc: KeyRpc): DescMethod {
  const services = [KeyManagementService, IAMPolicy, Operations, Locations, LoggingServiceV2];
  for (const service of services) {
    const method = service.methods.find(({ name }) => name === rpc);
    if (method !== undefined) return method;
  }
  throw new Error(`${rpc} is no method`);
}

/** A mask's paths are lowerCamelCase in JSON, however a case spells them. */
function inJsonSpelling(request: Json): Json {
  const { updateMask } = request;
  return typeof updateMask === 'string'
    ? { ...request, updateMask: camelCase(updateMask) }
    : request;
}

function refusalOf(error: ServiceError): CallRefusal {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const details = bytes instanceof Uint8Array ? fromBinary(StatusSchema, bytes).details : [];
  const shown = details.map((any) => toJson(AnySchema, any, { registry }) as Json);
  return new CallRefusal(status[error.code], error.details, shown);
}
