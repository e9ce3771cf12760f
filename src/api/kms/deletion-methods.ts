import { create } from '@bufbuild/protobuf';
import { anyPack, EmptySchema, type Any } from '@bufbuild/protobuf/wkt';

import type { DeleteOperation, KeyAdministration } from '../../kms/index.ts';
import {
  DeleteCryptoKeyMetadataSchema,
  DeleteCryptoKeyVersionMetadataSchema,
  KeyManagementService,
  ListRetiredResourcesResponseSchema,
} from '../../proto/google/cloud/kms/v1/service_pb.ts';
import {
  Operations,
  OperationSchema,
  type Operation,
} from '../../proto/google/longrunning/operations_pb.ts';
import { method, type ApiMethod } from '../method.ts';
import { keyCaller } from './key-caller.ts';
import { retiredToMessage } from './key-messages.ts';

const service = KeyManagementService.method;

/** Deletions, the names that they retire, and google.longrunning.Operations, which tell of them. */
export function deletionMethods(keys: KeyAdministration): ApiMethod[] {
  return [
    method(service.deleteCryptoKey, async ({ name }, call) =>
      operationToMessage(await keys.deleteCryptoKey(name, keyCaller(call))),
    ),
    method(service.deleteCryptoKeyVersion, async ({ name }, call) =>
      operationToMessage(await keys.deleteVersion(name, keyCaller(call))),
    ),
    method(service.getRetiredResource, async ({ name }, call) =>
      retiredToMessage(await keys.getRetiredResource(name, keyCaller(call))),
    ),
    method(service.listRetiredResources, async ({ parent, pageSize, pageToken }, call) => {
      const asked = { pageSize, pageToken };
      const page = await keys.listRetiredResources(parent, asked, keyCaller(call));
      const { items, nextPageToken } = page;
      const retiredResources = items.map(retiredToMessage);
      return create(ListRetiredResourcesResponseSchema, { retiredResources, nextPageToken });
    }),
    method(Operations.method.getOperation, async ({ name }, call) =>
      operationToMessage(await keys.getOperation(name, keyCaller(call))),
    ),
  ];
}

/** Deletions are done when they are answered. */
function operationToMessage(operation: DeleteOperation): Operation {
  return create(OperationSchema, {
    name: operation.name,
    metadata: metadataOf(operation),
    done: true,
    result: { case: 'response', value: anyPack(EmptySchema, create(EmptySchema)) },
  });
}

function metadataOf({ resourceType, retiredResource }: DeleteOperation): Any {
  if (resourceType === 'CryptoKeyVersion') {
    const schema = DeleteCryptoKeyVersionMetadataSchema;
    return anyPack(schema, create(schema));
  }
  const schema = DeleteCryptoKeyMetadataSchema;
  return anyPack(schema, create(schema, { retiredResource }));
}
