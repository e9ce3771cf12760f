import { createRegistry, type Registry } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';

import { AuditLogSchema } from '../../proto/google/cloud/audit/audit_log_pb.ts';
import {
  DeleteCryptoKeyMetadataSchema,
  DeleteCryptoKeyVersionMetadataSchema,
  LocationMetadataSchema,
} from '../../proto/google/cloud/kms/v1/service_pb.ts';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from '../../proto/google/rpc/error_details_pb.ts';

/** What an Any in an answer may hold: JSON writes its fields, so it must know them. */
export const anyTypes: Registry = createRegistry(
  AuditLogSchema,
  BadRequestSchema,
  DeleteCryptoKeyMetadataSchema,
  DeleteCryptoKeyVersionMetadataSchema,
  EmptySchema,
  ErrorInfoSchema,
  LocationMetadataSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
);
