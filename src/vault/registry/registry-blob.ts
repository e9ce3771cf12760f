import { Readable } from 'node:stream';

import type { OutgoingStream } from '../../outgoing/index.ts';
import {
  imageInvalid,
  outgoingFailure,
  registryAnswerInvalid,
  registryUnavailable,
} from './image-errors.ts';
import type { Descriptor } from './image-source.ts';
import type { Repository } from './registry-auth.ts';
import type { RegistryClient } from './registry-client.ts';
import { PulledStream } from './pulled-stream.ts';
import { Retries, type RetryOptions } from './retries.ts';

/** Also a registry that breaks off after each byte comes to an end. */
const connectionsMax = 100;

/** A body, and how many of its first bytes were had before. */
interface Opened {
  readonly stream: OutgoingStream;
  readonly skip: number;
}

/** Reads one blob over as many connections as it takes. */
export class RegistryBlob {
  readonly #client: RegistryClient;
  readonly #repository: Repository;
  readonly #descriptor: Descriptor;
  /** Ends with the stream. */
  readonly #life = new AbortController();
  readonly #signal: AbortSignal;
  readonly #retries: Retries;
  #at: number;
  #connections = 0;

  constructor(
    client: RegistryClient,
    asked: {
      readonly repository: Repository;
      readonly descriptor: Descriptor;
      readonly at: number;
    },
    options: RetryOptions,
  ) {
    this.#client = client;
    this.#repository = asked.repository;
    this.#descriptor = asked.descriptor;
    this.#at = asked.at;
    this.#signal = AbortSignal.any([options.signal, this.#life.signal]);
    this.#retries = new Retries({ ...options, signal: this.#signal });
  }

  /** Resolves when the first bytes are on their way. */
  async open(): Promise<Readable> {
    if (this.#at === this.#descriptor.size) return Readable.from([]);
    const first = await this.#connected();
    return new PulledStream(this.#bytes(first), (reason) => this.#life.abort(reason));
  }

  async *#bytes(first: Opened): AsyncGenerator<Uint8Array, void> {
    let opened = first;
    for (;;) {
      try {
        yield* this.#take(opened);
        if (this.#at === this.#descriptor.size) return;
        throw registryUnavailable(this.#repository.place.host, 'a blob ended early.');
      } catch (error) {
        await this.#retries.failed(outgoingFailure(this.#repository.place.host, error));
      }
      opened = await this.#connected();
    }
  }

  async *#take({ stream, skip }: Opened): AsyncGenerator<Uint8Array, void> {
    let toSkip = skip;
    for await (const chunk of stream.body as AsyncIterable<Uint8Array>) {
      const fresh = chunk.subarray(Math.min(toSkip, chunk.length));
      toSkip -= chunk.length - fresh.length;
      if (fresh.length > this.#descriptor.size - this.#at) throw this.#wrong('is longer than');
      if (fresh.length === 0) continue;
      this.#at += fresh.length;
      this.#retries.progress();
      yield fresh;
    }
  }

  async #connected(): Promise<Opened> {
    for (;;) {
      try {
        return await this.#connect();
      } catch (error) {
        await this.#retries.failed(error);
      }
    }
  }

  async #connect(): Promise<Opened> {
    const { place } = this.#repository;
    if (++this.#connections > connectionsMax) {
      throw registryAnswerInvalid(place.host, `it broke off a blob ${connectionsMax} times`);
    }
    const stream = await this.#ask(this.#at);
    // The range that is wanted may be more than this registry can do.
    if (stream.status !== 416 || this.#at === 0) return this.#checked(stream);
    stream.body.destroy();
    return this.#checked(await this.#ask(0));
  }

  #ask(from: number): Promise<OutgoingStream> {
    const { digest, size } = this.#descriptor;
    const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-${size - 1}` } : {};
    const path = `blobs/${digest}`;
    const signal = this.#signal;
    return this.#client.open({ repository: this.#repository, path, headers, signal });
  }

  #checked(stream: OutgoingStream): Opened {
    try {
      return { stream, skip: this.#skipOf(stream) };
    } catch (error) {
      stream.body.destroy();
      throw error;
    }
  }

  /** From where on an answer has the blob. Throws if it is of another length than the manifest says. */
  #skipOf({ status, headers }: OutgoingStream): number {
    const { size } = this.#descriptor;
    const { host } = this.#repository.place;
    if (status === 200) {
      const length = headers['content-length'];
      if (length !== undefined && Number(length) !== size) throw this.#wrong('is not as long as');
      return this.#at;
    }
    if (status === 404) throw this.#wrong('is not in the registry where');
    if (status !== 206) throw registryAnswerInvalid(host, `${status} for a blob`);
    const [, start, total] =
      /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
    if (start === undefined || Number(start) !== this.#at) {
      throw registryAnswerInvalid(host, 'another range of a blob than was asked for');
    }
    if (total !== '*' && Number(total) !== size) throw this.#wrong('is not as long as');
    return 0;
  }

  #wrong(what: string): Error {
    const { digest } = this.#descriptor;
    return imageInvalid(this.#repository.reference, `its blob ${digest} ${what} its manifest says`);
  }
}
