import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack, AnySchema, type Any } from '@bufbuild/protobuf/wkt';

import {
  msToDuration,
  RpcError,
  statusTable,
  type ErrorDetail,
  type StatusCode,
} from '../rpc/index.ts';
import type { JsonValue } from './json.ts';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from '../proto/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../proto/google/rpc/status_pb.ts';

/**
 * An error as the wires carry it: JSON in a REST body, google.rpc.Status in a gRPC trailer, a frame
 * of a WebSocket.
 */
export interface WireError {
  readonly code: Exclude<StatusCode, 'OK'>;
  /** The RpcError's own: Google's wires carry it in an ErrorInfo alone, a frame always. */
  readonly reason: string;
  /** Well formed UTF-16: a lone surrogate could be written on neither wire. */
  readonly message: string;
  /** ErrorInfo first, where there is one: Python's client looks at no other. */
  readonly details: readonly ErrorDetail[];
}

/**
 * Codes whose reason travels as an ErrorInfo. The others say all with code and text, and Google
 * answers them without details.
 */
const explainedCodes: ReadonlySet<StatusCode> = new Set([
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'FAILED_PRECONDITION',
  'RESOURCE_EXHAUSTED',
  'UNAVAILABLE',
]);

/** Whatever was thrown, as the wires tell it. `domain` is the service: `pubsub.googleapis.com`. */
export function toWireError(thrown: unknown, domain: string): WireError {
  const error = RpcError.from(thrown);
  const infos = error.details.filter(isErrorInfo);
  const others = error.details.filter((detail) => !isErrorInfo(detail));
  if (infos.length === 0 && explainedCodes.has(error.code)) {
    infos.push({ '@type': errorInfoType, reason: error.reason, domain });
  }
  return {
    code: error.code,
    reason: error.reason,
    message: error.message.toWellFormed(),
    details: [...infos, ...others],
  };
}

/** The services that Google's APIs share are the key service's here: Pub/Sub has none of them. */
const domains: readonly (readonly [prefix: string, domain: string])[] = [
  ['google.cloud.kms.', 'cloudkms.googleapis.com'],
  ['google.cloud.location.', 'cloudkms.googleapis.com'],
  ['google.iam.admin.', 'iam.googleapis.com'],
  ['google.iam.', 'cloudkms.googleapis.com'],
  ['google.longrunning.', 'cloudkms.googleapis.com'],
  ['sealpost.v1.KeyWatch.', 'cloudkms.googleapis.com'],
  ['google.cloud.resourcemanager.', 'cloudresourcemanager.googleapis.com'],
  ['google.logging.', 'logging.googleapis.com'],
  ['google.cloud.run.', 'run.googleapis.com'],
  ['sealpost.v1.Vault.', 'run.googleapis.com'],
  ['google.api.serviceusage.', 'serviceusage.googleapis.com'],
];

/** The service's host name for an rpc's full name, as ErrorInfo gives its domain. */
export function domainOf(rpc: string): string {
  return domains.find(([prefix]) => rpc.startsWith(prefix))?.[1] ?? 'pubsub.googleapis.com';
}

/** `{"error": {"code", "message", "status", "details"}}`, as Google's front ends write it. */
export function errorBody(error: WireError): JsonValue {
  const { code, message, details } = error;
  const head = { code: statusTable[code].http, message, status: code };
  return {
    error: details.length === 0 ? head : { ...head, details: details as unknown as JsonValue },
  };
}

/** A serialised google.rpc.Status, for the trailer `grpc-status-details-bin`. */
export function statusDetails(error: WireError): Uint8Array {
  const status = create(StatusSchema, {
    code: statusTable[error.code].number,
    message: error.message,
    details: error.details.map(packDetail),
  });
  return toBinary(StatusSchema, status);
}

const errorInfoType = 'type.googleapis.com/google.rpc.ErrorInfo';

const isErrorInfo = (detail: ErrorDetail): boolean => detail['@type'] === errorInfoType;

/** A detail as google.rpc.Status and our own Error hold it. */
export function packDetail(detail: ErrorDetail): Any {
  switch (detail['@type']) {
    case 'type.googleapis.com/google.rpc.ErrorInfo':
      return pack(ErrorInfoSchema, {
        reason: detail.reason,
        domain: detail.domain,
        metadata: { ...detail.metadata },
      });
    case 'type.googleapis.com/google.rpc.BadRequest':
      return pack(BadRequestSchema, {
        fieldViolations: detail.fieldViolations.map((violation) => ({ ...violation })),
      });
    case 'type.googleapis.com/google.rpc.PreconditionFailure':
      return pack(PreconditionFailureSchema, {
        violations: detail.violations.map((violation) => ({ ...violation })),
      });
    case 'type.googleapis.com/google.rpc.QuotaFailure':
      return pack(QuotaFailureSchema, {
        violations: detail.violations.map(({ quotaValue, quotaDimensions, ...violation }) => ({
          ...violation,
          quotaDimensions: { ...quotaDimensions },
          ...(quotaValue !== undefined && { quotaValue: BigInt(quotaValue) }),
        })),
      });
    default:
      return pack(RetryInfoSchema, { retryDelay: msToDuration(delayMs(detail.retryDelay)) });
  }
}

/** Milliseconds of a duration in its JSON form, `1.5s`. */
const delayMs = (text: string): number => Number(text.slice(0, -1)) * 1_000;

function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return anyPack(schema, create(schema, init)) ?? create(AnySchema);
}
