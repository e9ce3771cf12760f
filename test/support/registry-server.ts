import type { IncomingMessage, ServerResponse } from 'node:http';

import { type Endpoint, openEndpoint } from './endpoint.ts';
import { type Blob, blobsOf, digestOf, type MadeImage } from './oci-image.ts';

/** A request as the registry saw it. */
export interface SeenRequest {
  readonly url: string;
  readonly authorization: string | null;
  readonly range: string | null;
}

/** Answers a request in the place of the registry; false: the registry is to answer. */
export type Interception = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A small registry of images in memory, which a test can have lie, break off or send elsewhere. */
export class RegistryServer {
  readonly seen: SeenRequest[] = [];
  intercept: Interception = () => false;
  readonly #manifests: Map<string, Blob> = new Map();
  readonly #blobs: Map<string, Blob> = new Map();
  #endpoint: Endpoint | undefined;

  /** `127.0.0.1:5055`. */
  get host(): string {
    return `127.0.0.1:${this.#endpoint!.port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** Connections that came so far. */
  get connections(): number {
    return this.#endpoint!.sockets.length;
  }

  /** The paths that were asked for. */
  get paths(): string[] {
    return this.seen.map(({ url }) => url);
  }

  async start(): Promise<this> {
    this.#endpoint = await openEndpoint((request, response) => this.#answer(request, response));
    return this;
  }

  /** Serves an image under `name` (`demo/hello`) and a tag; returns its reference. */
  add(name: string, tag: string, image: MadeImage): string {
    for (const blob of blobsOf(image)) this.#blobs.set(blob.digest, blob);
    this.#manifests.set(`${name}/${image.manifest.digest}`, image.manifest);
    return this.name(name, tag, image.manifest);
  }

  /** Serves any bytes as what a tag or a digest names. */
  name(name: string, reference: string, manifest: Blob): string {
    this.#manifests.set(`${name}/${reference}`, manifest);
    return `${this.host}/${name}:${reference}`;
  }

  /** Serves any bytes as the blob of a digest. */
  put(blob: Blob): void {
    this.#blobs.set(blob.digest, blob);
  }

  close(): void {
    this.#endpoint?.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = '', headers } = request;
    const { authorization = null, range = null } = headers;
    this.seen.push({ url, authorization, range });
    if (this.intercept(request, response)) return;
    const [, name = '', kind = '', reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url) ?? [];
    const found =
      kind === 'manifests'
        ? this.#manifests.get(`${name}/${reference}`)
        : this.#blobs.get(reference);
    if (found === undefined) response.writeHead(404).end('{"errors":[{"code":"UNKNOWN"}]}');
    else if (kind === 'manifests') serveManifest(response, found);
    else serveRange(request, response, found.bytes);
  }
}

function serveManifest(response: ServerResponse, { bytes, mediaType }: Blob): void {
  const headers = { 'content-type': mediaType, 'docker-content-digest': digestOf(bytes) };
  response.writeHead(200, headers).end(bytes);
}

/** As registries answer for blobs: whole, or from a byte on. */
export function serveRange(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
): void {
  const [, start] = /^bytes=(\d+)-/.exec(request.headers.range ?? '') ?? [];
  if (start === undefined) {
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    return;
  }
  const part = bytes.subarray(Number(start));
  const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
  response.writeHead(206, { 'content-range': range, 'content-length': part.length }).end(part);
}
