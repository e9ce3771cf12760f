import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';

import { invalidArgument, type BrokerService, type SchemaRevision } from '../../broker/index.ts';
import {
  ListSchemaRevisionsResponseSchema,
  ListSchemasResponseSchema,
  SchemaService,
  ValidateMessageResponseSchema,
  ValidateSchemaResponseSchema,
  type DeleteSchemaRevisionRequest,
  type GetSchemaRequest,
  type Schema as SchemaMessage,
  type ValidateMessageRequest,
} from '../../proto/google/pubsub/v1/schema_pb.ts';
import { method, type ApiMethod } from '../method.ts';
import { definitionFromMessage, encodingOf, schemaToMessage, viewOf } from './schema-message.ts';
import { checkProject, checkRevisionName, checkSchemaName, pageRequest } from './validation.ts';

/** The methods of google.pubsub.v1.SchemaService. */
export function schemaMethods({ schemas }: Pick<BrokerService, 'schemas'>): ApiMethod[] {
  const service = SchemaService.method;
  return [
    method(service.createSchema, async ({ parent, schema, schemaId }) => {
      checkProject(parent);
      const name = `${parent}/schemas/${schemaId}`;
      checkSchemaName(name);
      return schemaToMessage(await schemas.createSchema(name, definitionFromMessage(schema)));
    }),
    method(service.getSchema, (request) => get(schemas, request)),
    method(service.commitSchema, async ({ name, schema }) => {
      checkSchemaName(name);
      return schemaToMessage(await schemas.commitSchema(name, definitionFromMessage(schema)));
    }),
    method(service.rollbackSchema, async ({ name, revisionId }) => {
      checkSchemaName(name);
      checkRevisionName(`${name}@${revisionId}`);
      return schemaToMessage(await schemas.rollbackSchema(name, revisionId));
    }),
    method(service.deleteSchemaRevision, (request) => deleteRevision(schemas, request)),
    method(service.deleteSchema, async ({ name }) => {
      checkSchemaName(name);
      await schemas.deleteSchema(name);
      return create(EmptySchema);
    }),
    method(service.validateSchema, async ({ parent, schema }) => {
      checkProject(parent);
      await schemas.validateSchema(definitionFromMessage(schema));
      return create(ValidateSchemaResponseSchema);
    }),
    method(service.validateMessage, async (request) => {
      await validateMessage(schemas, request);
      return create(ValidateMessageResponseSchema);
    }),
    ...lists(schemas),
  ];
}

type Schemas = BrokerService['schemas'];

function lists(administration: Schemas): ApiMethod[] {
  const service = SchemaService.method;
  return [
    method(service.listSchemas, async ({ parent, view: asked, pageSize, pageToken }) => {
      checkProject(parent);
      const view = viewOf(asked, 'BASIC');
      const request = pageRequest(pageSize, pageToken);
      const { items, nextPageToken } = await administration.listSchemas(parent, request, view);
      const schemas = items.map((revision) => schemaToMessage(revision, view));
      return create(ListSchemasResponseSchema, { schemas, nextPageToken });
    }),
    method(service.listSchemaRevisions, async ({ name, view: asked, pageSize, pageToken }) => {
      checkSchemaName(name);
      const view = viewOf(asked, 'BASIC');
      const request = pageRequest(pageSize, pageToken);
      const page = await administration.listSchemaRevisions(name, request, view);
      const schemas = page.items.map((item) => schemaToMessage(item, view, revisionName(item)));
      const { nextPageToken } = page;
      return create(ListSchemaRevisionsResponseSchema, { schemas, nextPageToken });
    }),
  ];
}

const revisionName = ({ name, revisionId }: SchemaRevision): string => `${name}@${revisionId}`;

async function get(schemas: Schemas, { name, view }: GetSchemaRequest): Promise<SchemaMessage> {
  if (name.includes('@')) checkRevisionName(name);
  else checkSchemaName(name);
  const shown = viewOf(view, 'FULL');
  return schemaToMessage(await schemas.getSchema(name), shown, name);
}

/** The revision is named by `name`, or by the deprecated field beside it. */
async function deleteRevision(
  schemas: Schemas,
  { name: given, revisionId }: DeleteSchemaRevisionRequest,
): Promise<SchemaMessage> {
  const name = given.includes('@') || revisionId === '' ? given : `${given}@${revisionId}`;
  checkRevisionName(name);
  if (revisionId !== '' && !name.endsWith(`@${revisionId}`)) {
    throw invalidArgument('revision_id: the name has another revision');
  }
  return schemaToMessage(await schemas.deleteSchemaRevision(name));
}

async function validateMessage(schemas: Schemas, request: ValidateMessageRequest): Promise<void> {
  const { parent, schemaSpec, message, encoding } = request;
  checkProject(parent);
  const kind = encodingOf(encoding, 'encoding');
  switch (schemaSpec.case) {
    case 'name':
      if (schemaSpec.value.includes('@')) checkRevisionName(schemaSpec.value);
      else checkSchemaName(schemaSpec.value);
      return await schemas.validateMessage(schemaSpec.value, message, kind);
    case 'schema':
      return await schemas.validateMessage(definitionFromMessage(schemaSpec.value), message, kind);
    case undefined:
      throw invalidArgument('name or schema must be set');
  }
}
