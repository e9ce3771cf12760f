import type { Message } from '@bufbuild/protobuf';

import type { AuditWriter } from '../../audit/index.ts';
import type { BrokerService } from '../../broker/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Access } from '../access/access.ts';
import { messageFields } from '../access/request-fields.ts';
import { rpcName, type ApiCall, type ApiMethod } from '../method.ts';
import { type CallEnd, pubsubEntry, textAt } from './pubsub-entry.ts';
import { type PubsubOperation, pubsubOperations } from './pubsub-operations.ts';

/** Where Pub/Sub's administration is recorded. */
export interface PubsubAudit {
  readonly writer: AuditWriter;
  /** Whether reads are recorded, as data access. */
  readonly recordsReads: boolean;
}

/**
 * The same methods, each with its entry in the audit log before its answer, failures too. A change
 * whose entry cannot be written is answered with UNAVAILABLE, which says that it was made.
 */
export function auditedPubsub(
  methods: readonly ApiMethod[],
  broker: Pick<BrokerService, 'getTopic'>,
  audit: PubsubAudit | undefined,
  access: Access,
): ApiMethod[] {
  if (audit === undefined) return [...methods];
  return methods.map((method) => {
    const operation = pubsubOperations[method.desc.name];
    if (operation === undefined) return method;
    if (operation.kind === 'data_access' && !audit.recordsReads) return method;
    const recorded = new RecordedMethod(method, operation, {
      broker,
      writer: audit.writer,
      access,
    });
    return { ...method, call: (request, call) => recorded.call(request, call) };
  });
}

interface Recording {
  readonly broker: Pick<BrokerService, 'getTopic'>;
  readonly writer: AuditWriter;
  readonly access: Access;
}

class RecordedMethod {
  readonly #method: ApiMethod;
  readonly #operation: PubsubOperation;
  readonly #recording: Recording;

  constructor(method: ApiMethod, operation: PubsubOperation, recording: Recording) {
    this.#method = method;
    this.#operation = operation;
    this.#recording = recording;
  }

  async call(request: Message, call: ApiCall): Promise<Message> {
    // A deleted topic cannot be asked afterwards; a stranger is told nothing of it, not even by time.
    const stored = this.#mayPass(request, call) ? await this.#storedKey(request) : undefined;
    const end = await this.#run(request, call);
    await this.#record(request, call, end, stored);
    if ('error' in end) throw end.error;
    return end.answer;
  }

  #mayPass(request: Message, { principal }: ApiCall): boolean {
    try {
      const rpc = rpcName(this.#method.desc);
      this.#recording.access.require(principal, rpc, messageFields(request));
      return true;
    } catch {
      return false;
    }
  }

  async #run(request: Message, call: ApiCall): Promise<CallEnd> {
    try {
      return { answer: await this.#method.call(request, call) };
    } catch (thrown) {
      return { error: RpcError.from(thrown) };
    }
  }

  async #record(
    request: Message,
    call: ApiCall,
    end: CallEnd,
    stored: string | undefined,
  ): Promise<void> {
    const kmsKeyName = this.#operation.on === 'topics' ? keyOf(request, end, stored) : undefined;
    const operation = this.#operation;
    const method = this.#method;
    const isGranted = (permission: string, resource: string): boolean =>
      this.#recording.access.isGranted(call.principal, permission, resource);
    const entry = pubsubEntry({ method, operation, request, call, end, kmsKeyName, isGranted });
    if (entry === null) return;
    try {
      await this.#recording.writer.append(entry);
    } catch (cause) {
      if ('error' in end) throw end.error;
      const isChange = operation.kind === 'activity';
      const text = isChange
        ? 'The change was made, but the audit log cannot be written.'
        : 'The audit log cannot be written, and nothing is read that it does not record.';
      throw new RpcError('UNAVAILABLE', 'AUDIT_UNAVAILABLE', text, { cause });
    }
  }

  /** The key of the topic before the call; undefined if there is no such topic, or no key. */
  async #storedKey(request: Message): Promise<string | undefined> {
    const { on, isCreation, field } = this.#operation;
    if (on !== 'topics' || isCreation === true || field === 'project') return undefined;
    try {
      return (
        (await this.#recording.broker.getTopic(textAt(request, field))).kmsKeyName ?? undefined
      );
    } catch {
      return undefined;
    }
  }
}

/** The key that a topic has now; of a failed call the one that was asked for, or is kept. */
function keyOf(request: Message, end: CallEnd, stored: string | undefined): string | undefined {
  const isTopic = 'answer' in end && end.answer.$typeName === 'google.pubsub.v1.Topic';
  const answered = isTopic ? textAt(end.answer, 'kmsKeyName') : '';
  const asked = textAt(request, 'kmsKeyName') || textAt(request, 'topic.kmsKeyName');
  return answered || asked || stored;
}
