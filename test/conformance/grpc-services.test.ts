import { fromBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';

import {
  HealthCheckResponse_ServingStatus as Status,
  HealthListResponseSchema,
} from '../../src/proto/grpc/health/v1/health_pb.ts';
import { liveGrpc } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';

const live = useTestedServer();
const wire = liveGrpc(live);
const services = [
  'google.cloud.kms.v1.KeyManagementService',
  'google.cloud.location.Locations',
  'google.iam.v1.IAMPolicy',
  'google.logging.v2.LoggingServiceV2',
  'google.longrunning.Operations',
  'google.pubsub.v1.Publisher',
  'google.pubsub.v1.Subscriber',
  'sealpost.v1.KeyWatch',
];

test('"List provides a non-atomic snapshot of the health of all the available services"', async () => {
  const reply = await wire.send('/grpc.health.v1.Health/List', new Uint8Array(0));
  const { statuses } = fromBinary(HealthListResponseSchema, reply);
  for (const service of services) {
    expect([service, statuses[service]?.status]).toEqual([service, Status.SERVING]);
  }
});
