import {
  compileSchema,
  SchemaError,
  type CompiledSchema,
  type SchemaType,
} from '../../schemas/index.ts';
import type { SchemaCatalog } from './schema-catalog.ts';
import type { RevisionHead, SchemaRow } from './schema-rows.ts';

/** Of the compiled forms that are kept, as far as their definitions tell. */
const keptBytesMax = 128 * 1024 * 1024;
/** What a byte of a definition may become: thousands of maps in one are the worst. */
const grownTo: Readonly<Record<SchemaType, number>> = { AVRO: 10, PROTOCOL_BUFFER: 125 };
/** What a compiled form costs however short its definition is. */
const overheadBytes = 4 * 1024;

interface Kept {
  readonly compiled: CompiledSchema;
  readonly bytes: number;
}

/** The compiled forms of the revisions that were used last. A revision never changes. */
export class CompiledRevisions {
  readonly #catalog: SchemaCatalog;
  readonly #bytesMax: number;
  /** From the one that was used longest ago on. */
  readonly #kept = new Map<string, Kept>();
  readonly #loads = new Map<string, Promise<CompiledSchema | null>>();
  #bytes = 0;

  constructor(catalog: SchemaCatalog, bytesMax: number = keptBytesMax) {
    this.#catalog = catalog;
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get({ uid }: SchemaRow, { ordinal }: RevisionHead): CompiledSchema | undefined {
    const key = `${uid}/${ordinal}`;
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept.compiled;
  }

  /** Null if the revision is gone. One load at a time of each. */
  async load(row: SchemaRow, head: RevisionHead): Promise<CompiledSchema | null> {
    const key = `${row.uid}/${head.ordinal}`;
    const underWay = this.#loads.get(key);
    if (underWay !== undefined) return await underWay;
    const load = this.#load(row, head);
    this.#loads.set(key, load);
    try {
      return await load;
    } finally {
      this.#loads.delete(key);
    }
  }

  async #load(row: SchemaRow, head: RevisionHead): Promise<CompiledSchema | null> {
    const definition = await this.#catalog.definition(row, head);
    if (definition === null) return null;
    const compiled = compiledOrNothing(() => compileSchema(definition));
    const bytes = head.bytes * grownTo[definition.type] + overheadBytes;
    this.#keep(`${row.uid}/${head.ordinal}`, { compiled, bytes });
    return compiled;
  }

  forget({ uid }: SchemaRow, { ordinal }: RevisionHead): void {
    const kept = this.#kept.get(`${uid}/${ordinal}`);
    if (kept === undefined) return;
    this.#kept.delete(`${uid}/${ordinal}`);
    this.#bytes -= kept.bytes;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.set(key, kept);
    this.#bytes += kept.bytes;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= this.#bytesMax || oldest === key) break;
      this.#kept.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}

/** A definition that an earlier release took and this one does not understand accepts nothing. */
function compiledOrNothing(compile: () => CompiledSchema): CompiledSchema {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    const violation = `The definition is not understood: ${error.message}`;
    return { violation: () => violation };
  }
}
