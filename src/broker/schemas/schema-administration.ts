import type { SchemaDefinition, SchemaEncoding } from '../../schemas/index.ts';
import type { Page, PageRequest } from '../service.ts';

/** google.pubsub.v1.SchemaSettings. */
export interface SchemaSettings {
  /** `projects/P/schemas/S`, or `_deleted-schema_`. */
  readonly schema: string;
  readonly encoding: SchemaEncoding;
  /** Both inclusive; absent: no bound. */
  readonly firstRevisionId?: string;
  readonly lastRevisionId?: string;
}

/** google.pubsub.v1.Schema: one revision. */
export interface SchemaRevision extends SchemaDefinition {
  /** `projects/P/schemas/S`, without `@`. */
  readonly name: string;
  /** 8 hex digits. */
  readonly revisionId: string;
  readonly revisionCreateTimeMs: number;
}

/** google.pubsub.v1.SchemaView; FULL unless another is asked for. */
export type SchemaView = 'BASIC' | 'FULL';

/** google.pubsub.v1.SchemaService. Names may carry `@REVISION` where the proto says so. */
export interface SchemaAdministration {
  createSchema(name: string, definition: SchemaDefinition): Promise<SchemaRevision>;
  getSchema(name: string): Promise<SchemaRevision>;
  /** Newest revisions, by name. BASIC: without definitions; a page of FULL ones may be shorter. */
  listSchemas(project: string, page: PageRequest, view?: SchemaView): Promise<Page<SchemaRevision>>;
  /** Newest first. */
  listSchemaRevisions(
    name: string,
    page: PageRequest,
    view?: SchemaView,
  ): Promise<Page<SchemaRevision>>;
  commitSchema(name: string, definition: SchemaDefinition): Promise<SchemaRevision>;
  rollbackSchema(name: string, revisionId: string): Promise<SchemaRevision>;
  /** The schema as it is without that revision. */
  deleteSchemaRevision(name: string): Promise<SchemaRevision>;
  deleteSchema(name: string): Promise<void>;
  validateSchema(definition: SchemaDefinition): Promise<void>;
  validateMessage(
    schema: string | SchemaDefinition,
    message: Uint8Array,
    encoding: SchemaEncoding,
  ): Promise<void>;
}
