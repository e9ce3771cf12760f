import { RpcError } from '../../rpc/index.ts';
import { type Clock, Serial } from '../../runtime/index.ts';
import type { CompiledSchema, SchemaType } from '../../schemas/index.ts';
import type { TopicRow } from '../catalog/catalog-rows.ts';
import type { PendingBudget } from '../lanes/lane.ts';
import type { SealableMessage } from '../service.ts';
import type { SchemaSettings } from './schema-administration.ts';
import { messageData } from '../wire/index.ts';
import type { CompiledRevisions } from './compiled-revisions.ts';
import type { SchemaCatalog } from './schema-catalog.ts';
import type { RevisionHead, SchemaRow } from './schema-rows.ts';
import { schemaViolation } from './schema-violation.ts';
import { stampedMessages } from './stamped-messages.ts';
import { allowedRevisions, boundSchema } from './topic-binding.ts';

export interface TopicSchemaPorts {
  readonly schemas: SchemaCatalog;
  readonly compiledRevisions: CompiledRevisions;
  readonly pending: PendingBudget;
  readonly clock: Clock;
}

/** Bytes that are read without a pause, those that several revisions read counted each time. */
const partBytes = 1024 * 1024;

/** Makes messages durable: ids in their order. */
type Publish = (messages: readonly SealableMessage[]) => Promise<string[]>;

/** What a request is checked against. */
interface Check {
  readonly schema: SchemaRow;
  readonly settings: SchemaSettings;
  /** The newest first. */
  readonly revisions: readonly RevisionHead[];
  /** Those that were used: the cache may be too small for all. */
  readonly loaded: Map<RevisionHead, CompiledSchema>;
}

/**
 * A topic's schema at work: each message conforms to one of the revisions that the topic allows, and
 * says to which; else nothing of its request is published. What comes later is published later, also
 * when a revision must be compiled first.
 */
export class TopicSchema {
  readonly #ports: TopicSchemaPorts;
  readonly #turns = new Serial();
  #waiting = 0;

  constructor(ports: TopicSchemaPorts) {
    this.#ports = ports;
  }

  /** A publish goes through here; else it would overtake what waits for a revision. */
  isOn({ schemaSettings }: TopicRow): boolean {
    return schemaSettings !== undefined || this.#waiting > 0;
  }

  /** `topic`: its row when the turn has come. */
  async publish(
    topic: () => TopicRow,
    messages: readonly SealableMessage[],
    publish: Publish,
  ): Promise<string[]> {
    if (this.#waiting > 0) return await this.#later(topic, messages, publish);
    const check = this.#checkOf(topic());
    if (check === null) return await publish(messages);
    const isLong = bytesOf(messages) * check.revisions.length > partBytes;
    const stamped = isLong ? null : this.#stamped(check, messages);
    if (stamped === null) return await this.#later(topic, messages, publish);
    return await published(stamped, publish);
  }

  /** In turn, with pauses, and with revisions loaded as they are needed; the durability of one holds up nobody. */
  async #later(
    topic: () => TopicRow,
    messages: readonly SealableMessage[],
    publish: Publish,
  ): Promise<string[]> {
    const bytes = bytesOf(messages);
    this.#ports.pending.take(bytes);
    this.#waiting++;
    const { answer } = await this.#turns.run(async () => {
      try {
        const stamped = await this.#loadedStamps(topic, messages);
        return { answer: stamped === null ? publish(messages) : published(stamped, publish) };
      } finally {
        this.#waiting--;
        this.#ports.pending.release(bytes);
      }
    });
    return await answer;
  }

  /** Null: the topic has no schema any more. */
  async #loadedStamps(
    topic: () => TopicRow,
    messages: readonly SealableMessage[],
  ): Promise<SealableMessage[] | null> {
    const loaded: Check['loaded'] = new Map();
    for (;;) {
      // Anew each time: what was there before a load may be gone after it.
      const check = this.#checkOf(topic(), loaded);
      if (check === null) return null;
      const stamped = await this.#stampedInParts(check, messages);
      if (stamped !== null) return stamped;
      const missing = check.revisions.find((head) => this.#compiled(check, head) === undefined);
      if (missing === undefined) continue;
      const compiled = await this.#ports.compiledRevisions.load(check.schema, missing);
      if (compiled !== null) loaded.set(missing, compiled);
    }
  }

  /** Null without a schema. Throws where there is nothing that a message could conform to. */
  #checkOf(topic: TopicRow, loaded: Check['loaded'] = new Map()): Check | null {
    const { schemaSettings: settings } = topic;
    if (settings === undefined) return null;
    const schema = boundSchema(this.#ports.schemas, topic);
    if (schema === undefined) throw schemaDeleted();
    const revisions = allowedRevisions(schema, topic);
    if (revisions.length === 0) throw noRevisionLeft(schema);
    return { schema, settings, revisions, loaded };
  }

  /** Null: a revision must be loaded before it can be said. */
  #stamped(check: Check, messages: readonly SealableMessage[]): SealableMessage[] | null {
    const checks = this.#checks(check, messages);
    for (;;) {
      const step = checks.next();
      if (step.done === true) return step.value;
    }
  }

  /** The same, with a pause for others after so many bytes. */
  async #stampedInParts(
    check: Check,
    messages: readonly SealableMessage[],
  ): Promise<SealableMessage[] | null> {
    const checks = this.#checks(check, messages);
    let bytes = 0;
    for (;;) {
      const step = checks.next();
      if (step.done === true) return step.value;
      bytes += step.value;
      if (bytes < partBytes) continue;
      bytes = 0;
      await new Promise<void>((resolve) => {
        this.#ports.clock.soon(resolve);
      });
    }
  }

  /** Yields how many bytes were read, each time that a revision has read some. */
  *#checks(
    check: Check,
    messages: readonly SealableMessage[],
  ): Generator<number, SealableMessage[] | null> {
    const conformed: RevisionHead[] = [];
    for (const message of messages) {
      const head = yield* this.#revisionOf(check, messageData(message.bytes));
      if (head === null) return null;
      conformed.push(head);
    }
    return stampedMessages(messages, conformed, check.schema.name, check.settings.encoding);
  }

  /** Throws INVALID_ARGUMENT if the data conform to none. */
  *#revisionOf(check: Check, data: Uint8Array): Generator<number, RevisionHead | null> {
    let last = '';
    for (const head of check.revisions) {
      const compiled = this.#compiled(check, head);
      if (compiled === undefined) return null;
      const why = compiled.violation(data, check.settings.encoding);
      yield data.length;
      if (why === null) return head;
      last = `revision_id=${head.id} failed with status: ${why}`;
    }
    const { name, type }: { name: string; type: SchemaType } = check.schema;
    const info = `Could not validate message with any schema revision for schema: ${name}, last checked revision: ${last}`;
    throw schemaViolation(type, check.settings.encoding, info);
  }

  #compiled({ schema, loaded }: Check, head: RevisionHead): CompiledSchema | undefined {
    const compiled = loaded.get(head) ?? this.#ports.compiledRevisions.get(schema, head);
    if (compiled !== undefined) loaded.set(head, compiled);
    return compiled;
  }
}

const bytesOf = (messages: readonly SealableMessage[]): number =>
  messages.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** The copies hold what a key may be taken away from: they go as soon as they are sealed. */
async function published(stamped: SealableMessage[], publish: Publish): Promise<string[]> {
  try {
    return await publish(stamped);
  } finally {
    for (const { bytes } of stamped) bytes.fill(0);
  }
}

const schemaDeleted = (): RpcError =>
  new RpcError('NOT_FOUND', 'SCHEMA_DELETED', 'Schema associated with topic deleted.');

const noRevisionLeft = ({ name }: SchemaRow): RpcError =>
  new RpcError(
    'FAILED_PRECONDITION',
    'SCHEMA_REVISIONS_DELETED',
    `Every revision of ${name} that the topic allows was deleted.`,
  );
