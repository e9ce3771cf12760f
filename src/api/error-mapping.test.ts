import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';

import { RpcError, statusTable, type ErrorDetail, type StatusCode } from '../rpc/index.ts';
import { domainOf, errorBody, statusDetails, toWireError } from './error-mapping.ts';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from '../proto/google/rpc/error_details_pb.ts';
import { Code } from '../proto/google/rpc/code_pb.ts';
import { StatusSchema } from '../proto/google/rpc/status_pb.ts';

const domain = 'pubsub.googleapis.com';
const codes = Object.keys(statusTable).filter((code) => code !== 'OK') as Exclude<
  StatusCode,
  'OK'
>[];

const details: ErrorDetail[] = [
  {
    '@type': 'type.googleapis.com/google.rpc.BadRequest',
    fieldViolations: [{ field: 'a.b', description: 'bad' }, { description: 'worse' }],
  },
  {
    '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
    violations: [{ type: 'KEY', subject: 'k', description: 'off' }],
  },
  { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.5s' },
  {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: 'R',
    domain,
    metadata: { ack: 'PERMANENT_FAILURE_INVALID_ACK_ID' },
  },
];

describe('an error on both wires', () => {
  test.each(codes)('%s has the numbers of google.rpc.Code and of grpc-js', (code) => {
    expect(statusTable[code].number).toBe(Code[code]);
    expect(statusTable[code].number).toBe(status[code]);
    const wire = toWireError(new RpcError(code, 'R', 'text'), domain);
    expect(errorBody(wire)).toMatchObject({
      error: { code: statusTable[code].http, message: 'text', status: code },
    });
    expect(fromBinary(StatusSchema, statusDetails(wire)).code).toBe(statusTable[code].number);
  });

  test('the reason travels where Google explains itself, and nowhere else', () => {
    const explained = codes.filter(
      (code) => toWireError(new RpcError(code, 'R', 't'), domain).details.length > 0,
    );
    expect(explained).toEqual([
      'PERMISSION_DENIED',
      'RESOURCE_EXHAUSTED',
      'FAILED_PRECONDITION',
      'UNAVAILABLE',
      'UNAUTHENTICATED',
    ]);
    expect(errorBody(toWireError(new RpcError('NOT_FOUND', 'R', 'gone'), domain))).toEqual({
      error: { code: 404, message: 'gone', status: 'NOT_FOUND' },
    });
  });

  test('ErrorInfo comes first, and every kind of detail survives the trailer', () => {
    const wire = toWireError(new RpcError('FAILED_PRECONDITION', 'X', 't', { details }), domain);
    expect(wire.details.map((detail) => detail['@type'].split('.').at(-1))).toEqual([
      'ErrorInfo',
      'BadRequest',
      'PreconditionFailure',
      'RetryInfo',
    ]);
    const [info, bad, precondition, retry] = fromBinary(StatusSchema, statusDetails(wire)).details;
    expect(anyUnpack(info!, ErrorInfoSchema)).toMatchObject({
      reason: 'R',
      metadata: { ack: 'PERMANENT_FAILURE_INVALID_ACK_ID' },
    });
    expect(anyUnpack(bad!, BadRequestSchema)?.fieldViolations).toMatchObject([
      { field: 'a.b', description: 'bad' },
      { field: '', description: 'worse' },
    ]);
    expect(anyUnpack(precondition!, PreconditionFailureSchema)?.violations).toMatchObject([
      { type: 'KEY', subject: 'k', description: 'off' },
    ]);
    expect(anyUnpack(retry!, RetryInfoSchema)?.retryDelay).toMatchObject({
      seconds: 1n,
      nanos: 500_000_000,
    });
  });

  test('a quota that was passed is named with its metric, in JSON as in the trailer', () => {
    const violation = {
      subject: 'projects/p',
      description: 'HSM requests per second',
      apiService: 'cloudkms.googleapis.com',
      quotaMetric: 'cloudkms.googleapis.com/hsm_symmetric_requests',
      quotaValue: '500',
    };
    const failure = {
      '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
      violations: [violation],
    } as const;
    const error = new RpcError('RESOURCE_EXHAUSTED', 'Q', 'too many', { details: [failure] });
    const wire = toWireError(error, domain);
    expect(errorBody(wire)).toMatchObject({ error: { details: [{}, failure] } });
    const [, quota] = fromBinary(StatusSchema, statusDetails(wire)).details;
    expect(anyUnpack(quota!, QuotaFailureSchema)?.violations).toMatchObject([
      { ...violation, quotaValue: 500n },
    ]);
  });

  test('what was not meant for clients is hidden, and a lone surrogate replaced', () => {
    const hidden = toWireError(new TypeError('secret'), domain);
    expect(hidden).toEqual({
      code: 'INTERNAL',
      reason: 'INTERNAL',
      message: 'Internal error encountered.',
      details: [],
    });
    expect(toWireError(new RpcError('ABORTED', 'R', 'a\ud800'), domain).message).toBe('a\ufffd');
  });

  test('a domain is the service that was called', () => {
    expect(domainOf('google.pubsub.v1.Publisher.Publish')).toBe('pubsub.googleapis.com');
    expect(domainOf('google.cloud.kms.v1.KeyManagementService.Encrypt')).toBe(
      'cloudkms.googleapis.com',
    );
    expect(domainOf('google.iam.v1.IAMPolicy.GetIamPolicy')).toBe('cloudkms.googleapis.com');
    expect(domainOf('google.logging.v2.LoggingServiceV2.ListLogEntries')).toBe(
      'logging.googleapis.com',
    );
  });
});
