import { arch } from 'node:process';

import type { OutgoingClient } from '../../outgoing/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { CredentialsFile } from './credentials-file.ts';
import { parseImageReference } from './image-reference.ts';
import type { ImageSource, ImageSources } from './image-source.ts';
import { openLocal } from './layout/local-source.ts';
import { platformOf } from './documents/platform.ts';
import { RegistryClient } from './registry-client.ts';
import { type Mirror, RegistryHosts } from './registry-hosts.ts';
import { RegistrySource } from './registry-source.ts';

export interface ImageSourcesOptions {
  readonly outgoing: OutgoingClient;
  /** `host[:port]`, lower case: registries, and hosts that they may send us to. */
  readonly hosts: readonly string[];
  /** Each names a registry, which is allowed by that, and where its images come from instead. */
  readonly mirrors: readonly Mirror[];
  /** A file as `docker login` writes it; null: none. */
  readonly credentialsFile: string | null;
  /** Whether `oci:` and `oci-archive:` may name files of this machine. */
  readonly allowsLocal: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** As Node names it; this machine's unless given. */
  readonly architecture?: string;
}

/** Throws if a mirror's URL is none. */
export function createImageSources(options: ImageSourcesOptions): ImageSources {
  const { outgoing, clock, log } = options;
  const hosts = new RegistryHosts(options.hosts, options.mirrors);
  const credentials = new CredentialsFile(options.credentialsFile);
  const client = new RegistryClient({ outgoing, hosts, credentials, clock });
  const platform = platformOf(options.architecture ?? arch);
  return {
    open(text: string): ImageSource {
      const local = openLocal(text, { isAllowed: options.allowsLocal, platform });
      if (local !== null) return local;
      const reference = parseImageReference(text);
      const place = reference === null ? null : hosts.placeOf(reference.host);
      if (reference === null || place === null) throw unexpected(text, hosts.names);
      return new RegistrySource(reference, place, { client, platform, clock, log });
    },
  };
}

/** Cloud Run's words, with our registries in the place of Google's. */
function unexpected(text: string, hosts: readonly string[]): RpcError {
  const known = hosts.length === 0 ? 'named by --registry-host' : `one of ${oneOf(hosts)}`;
  const message =
    `Expected an image path like [host/]repo-path[:tag and/or @digest], where host is ${known} ` +
    `but obtained ${text.slice(0, 1_024)}. A path without a host is on docker.io. To deploy ` +
    `container images from other registries, name them with --registry-host.`;
  return new RpcError('INVALID_ARGUMENT', 'IMAGE_REFERENCE_INVALID', message);
}

/** `a, b or c`. */
function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
