/** A message as a publisher gives it. */
export interface Outgoing {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
  readonly orderingKey?: string;
}

/** A message as a subscriber gets it. */
export interface Incoming {
  readonly ackId: string;
  readonly messageId: string;
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
  readonly orderingKey: string;
}

/** The calls of the harness, over REST or gRPC. Every refusal is a CallFailure. */
export interface PubsubClient {
  readonly protocol: 'rest' | 'grpc';
  createTopic(name: string, kmsKeyName?: string): Promise<void>;
  deleteTopic(name: string): Promise<void>;
  listTopics(project: string): Promise<string[]>;
  createSubscription(name: string, topic: string, ackDeadlineSeconds?: number): Promise<void>;
  deleteSubscription(name: string): Promise<void>;
  listSubscriptions(project: string): Promise<string[]>;
  createSnapshot(name: string, subscription: string): Promise<void>;
  deleteSnapshot(name: string): Promise<void>;
  listSnapshots(project: string): Promise<string[]>;
  seek(subscription: string, snapshot: string): Promise<void>;
  publish(topic: string, messages: readonly Outgoing[]): Promise<string[]>;
  /** Answers at once, also with nothing. */
  pull(subscription: string, messagesMax: number): Promise<Incoming[]>;
  acknowledge(subscription: string, ackIds: readonly string[]): Promise<void>;
  close(): void;
}

/**
 * A call without the answer that was asked for. `status` is the server's canonical code, or
 * BROKEN when the connection ended without any: then nobody knows whether it was carried out.
 */
export class CallFailure extends Error {
  override name = 'CallFailure';
  readonly status: string;

  constructor(status: string, message: string) {
    super(`${status}: ${message}`);
    this.status = status;
  }
}

/** The status of a failed call; what is no CallFailure is thrown on. */
export function statusOf(error: unknown): string {
  if (error instanceof CallFailure) return error.status;
  throw error;
}

/** Resolves also when what was to be made is there already, or to be removed is gone. */
export async function settled(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!['ALREADY_EXISTS', 'NOT_FOUND'].includes(statusOf(error))) throw error;
  }
}
