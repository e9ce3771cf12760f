import { wipe } from '../../crypto/index.ts';
import type { RpcError } from '../../rpc/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { VersionUse } from '../providers/key-provider.ts';
import {
  ekmError,
  type EkmErrorDomain,
  type EkmFault,
  type EkmMethod,
  isTransientDomain,
} from './ekm-error.ts';
import { type TakenAnswer, takeBytes } from './ekm-message.ts';
import { faultOfFailure, faultOfStatus } from './ekm-outcome.ts';
import type { EkmAnswer, EkmTransport } from './ekm-transport.ts';
import { KeptRefusals } from './kept-refusals.ts';
import type { KeyUri } from './key-uri.ts';

/** One call of an external key manager that has ended. */
export interface EkmCall {
  readonly operation: 'wrap' | 'unwrap';
  readonly outcome: 'OK' | EkmErrorDomain;
  readonly ms: number;
}

/** Told of each call as it ends. Must not throw, and must return at once. */
export interface EkmObserver {
  ekmCall(call: EkmCall): void;
}

/** Disables a version whose use its owner denied. `uri` is where it was denied. */
export type DeniedListener = (versionName: string, uri: string) => Promise<void>;

export interface EkmClientOptions {
  readonly transport: EkmTransport;
  /** A signed token for `audience`, the manager's host, in the name of the key's project. */
  readonly bearer: (request: {
    readonly audience: string;
    readonly projectId: string;
  }) => Promise<string>;
  /** For one call, from connecting to the last byte of the answer. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer?: EkmObserver;
}

/** What is asked: a method, with a key, for somebody. */
export interface EkmQuestion {
  readonly method: EkmMethod;
  readonly uri: KeyUri;
  readonly use: VersionUse;
  /** The version is being made: there is none yet that could be disabled. */
  readonly isNew: boolean;
}

interface Fault {
  readonly fault: EkmFault;
  readonly cause?: string;
}

type Answered = TakenAnswer | Fault;

/** Asks external key managers, and turns what they say into Cloud KMS's errors. */
export class EkmClient {
  readonly #options: EkmClientOptions;
  readonly #refusals: KeptRefusals;
  #disable: DeniedListener | null = null;

  constructor(options: EkmClientOptions) {
    this.#options = options;
    this.#refusals = new KeptRefusals(options.clock);
  }

  onDenied(listener: DeniedListener): void {
    this.#disable = listener;
  }

  /**
   * The bytes of `member` in the answer, at most `bytesMax` of the whole. Overwrites `body`.
   *
   * @throws RpcError as `ekmError` makes it
   */
  async ask(
    question: EkmQuestion,
    body: Uint8Array,
    wanted: { readonly member: string; readonly bytesMax: number },
  ): Promise<TakenAnswer> {
    const name = `${question.use.name} ${question.uri.text}`;
    const kept = this.#refusals.find(name);
    try {
      if (kept !== null) throw kept;
      const answered = await this.#post(question, body, wanted);
      if ('bytes' in answered) return answered;
      throw await this.#refused(name, question, answered);
    } finally {
      wipe(body);
    }
  }

  async #post(
    { method, uri, use }: EkmQuestion,
    body: Uint8Array,
    { member, bytesMax }: { readonly member: string; readonly bytesMax: number },
  ): Promise<Answered> {
    const { transport, bearer, clock, deadlineMs, observer } = this.#options;
    const operation = method === 'Encrypt' ? 'wrap' : 'unwrap';
    const projectId = use.name.split('/')[1] ?? '';
    const token = await bearer({ audience: uri.audience, projectId });
    const startMs = clock.monotonicMs();
    const answer = await transport.post({
      url: `${uri.text}:${operation}`,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        ...(use.resource !== undefined && { 'x-sealpost-resource': use.resource }),
      },
      body,
      timeoutMs: deadlineMs,
      responseBytesMax: bytesMax,
    });
    const read = readAnswer(method, answer, member);
    const outcome = 'bytes' in read ? 'OK' : read.fault.domain;
    observer?.ekmCall({ operation, outcome, ms: clock.monotonicMs() - startMs });
    return read;
  }

  async #refused(name: string, question: EkmQuestion, { fault, cause }: Fault): Promise<RpcError> {
    const isDenied = fault.domain === 'EXTERNAL_PERMISSION_DENIED' && fault.element === 'key';
    const isDisabled = isDenied && !question.isNew && (await this.#disabled(question));
    const error = ekmError(fault, {
      version: question.use.name,
      uri: question.uri.text,
      method: question.method,
      state: isDisabled ? 'DISABLED' : 'ENABLED',
      ...(cause !== undefined && { cause }),
    });
    const isAboutKey = !isTransientDomain(fault.domain) && fault.domain !== 'DECRYPTION_FAILED';
    // Nobody asks with a version that is disabled; once it is enabled, it is to be asked for anew.
    if (isAboutKey && !isDisabled) this.#refusals.keep(name, error);
    return error;
  }

  async #disabled({ use, uri }: EkmQuestion): Promise<boolean> {
    if (this.#disable === null) return false;
    const fields = { version: use.name, uri: uri.text };
    try {
      await this.#disable(use.name, uri.text);
      this.#options.log.warn(fields, 'the EKM denies the use of a key: its version is disabled');
      return true;
    } catch (err) {
      const text = 'a version whose use the EKM denies could not be disabled';
      this.#options.log.error({ ...fields, err }, text);
      return false;
    }
  }
}

/** Overwrites the answer's body. */
function readAnswer(method: EkmMethod, answer: EkmAnswer, member: string): Answered {
  if ('failure' in answer) return { fault: faultOfFailure(answer.failure), cause: answer.text };
  try {
    const fault = faultOfStatus(answer.status, method);
    if (fault !== null) return { fault, cause: `It answered HTTP ${answer.status}.` };
    const unusable: EkmFault = { domain: 'UNEXPECTED_RESPONSE', element: 'key' };
    return takeBytes(answer.body, member) ?? { fault: unusable };
  } finally {
    wipe(answer.body);
  }
}
