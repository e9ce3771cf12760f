import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack, type Any } from '@bufbuild/protobuf/wkt';
import type { ServiceError } from '@grpc/grpc-js';

import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
} from '../proto/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../proto/google/rpc/status_pb.ts';
import { RpcError, statusTable, type ErrorDetail, type StatusCode } from '../rpc/index.ts';

type FailureCode = Exclude<StatusCode, 'OK'>;

const codesByNumber: ReadonlyMap<number, FailureCode> = new Map(
  Object.entries(statusTable)
    .filter(([code]) => code !== 'OK')
    .map(([code, { number }]) => [number, code as FailureCode]),
);

const trailer = 'grpc-status-details-bin';

/**
 * What a remote key service answered, as the embedded one would have thrown it: its code, its own
 * text, its reason, and its details but for an ErrorInfo that says nothing beside the reason.
 */
export function errorFromStatus(error: ServiceError): RpcError {
  const code = codesByNumber.get(error.code) ?? 'UNKNOWN';
  const details = detailsOf(error);
  const reason = reasonOf(details) ?? `REMOTE_${code}`;
  const told = details.filter((detail) => !isBareErrorInfo(detail));
  return new RpcError(code, reason, error.details, { details: told, cause: error });
}

/** Whether the service itself said so: one that could not be reached attaches nothing. */
export function isAnswered(error: RpcError): boolean {
  const { cause } = error;
  const metadata = (cause as Partial<ServiceError> | undefined)?.metadata;
  return metadata !== undefined && metadata.get(trailer).length > 0;
}

function detailsOf({ metadata }: ServiceError): ErrorDetail[] {
  const [bytes] = metadata?.get(trailer) ?? [];
  if (bytes === undefined || typeof bytes === 'string') return [];
  try {
    return fromBinary(StatusSchema, bytes).details.flatMap((any) => detailOf(any) ?? []);
  } catch {
    // Code and text stand by themselves: details that cannot be read are as good as none.
    return [];
  }
}

/** Undefined for a kind that nothing here passes on. */
function detailOf(any: Any): ErrorDetail | undefined {
  const info = anyUnpack(any, ErrorInfoSchema);
  if (info) {
    const { reason, domain, metadata } = info;
    return { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain, metadata };
  }
  const failure = anyUnpack(any, PreconditionFailureSchema);
  if (failure) {
    const violations = failure.violations.map(({ type, subject, description }) => ({
      type,
      subject,
      ...(description !== '' && { description }),
    }));
    return { '@type': 'type.googleapis.com/google.rpc.PreconditionFailure', violations };
  }
  const bad = anyUnpack(any, BadRequestSchema);
  if (!bad) return undefined;
  const fieldViolations = bad.fieldViolations.map(({ field, description }) => ({
    field,
    description,
  }));
  return { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations };
}

function reasonOf(details: readonly ErrorDetail[]): string | undefined {
  for (const detail of details) {
    if (detail['@type'] === 'type.googleapis.com/google.rpc.ErrorInfo') return detail.reason;
  }
  for (const detail of details) {
    if (detail['@type'] !== 'type.googleapis.com/google.rpc.PreconditionFailure') continue;
    return detail.violations[0]?.type;
  }
  return undefined;
}

function isBareErrorInfo(detail: ErrorDetail): boolean {
  if (detail['@type'] !== 'type.googleapis.com/google.rpc.ErrorInfo') return false;
  return Object.keys(detail.metadata ?? {}).length === 0;
}
