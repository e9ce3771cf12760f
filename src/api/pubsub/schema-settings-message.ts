import { create } from '@bufbuild/protobuf';

import { deletedSchema, invalidArgument, type SchemaSettings } from '../../broker/index.ts';
import {
  SchemaSettingsSchema,
  type SchemaSettings as SettingsMessage,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { encodingOf, encodingToMessage } from './schema-message.ts';
import { checkSchemaName } from './validation.ts';

const revisionId = /^[0-9a-f]{8}$/;

/** The settings of a topic whose schema is gone pass: an update of something else repeats them. */
export function settingsFromMessage(message: SettingsMessage): SchemaSettings {
  const { schema, encoding, firstRevisionId: first, lastRevisionId: last } = message;
  if (schema !== deletedSchema) checkSchemaName(schema);
  checkRevisionId('first_revision_id', first);
  checkRevisionId('last_revision_id', last);
  return {
    schema,
    encoding: encodingOf(encoding, 'schema_settings.encoding'),
    ...(first !== '' && { firstRevisionId: first }),
    ...(last !== '' && { lastRevisionId: last }),
  };
}

export function settingsToMessage(settings: SchemaSettings): SettingsMessage {
  return create(SchemaSettingsSchema, {
    schema: settings.schema,
    encoding: encodingToMessage(settings.encoding),
    firstRevisionId: settings.firstRevisionId ?? '',
    lastRevisionId: settings.lastRevisionId ?? '',
  });
}

function checkRevisionId(field: string, id: string): void {
  if (id === '' || revisionId.test(id)) return;
  throw invalidArgument(`schema_settings.${field}: "${id.slice(0, 100)}" is no revision id`);
}
