import { parseDigest } from '../image-digest.ts';
import { imageInvalid, platformMissing } from '../image-errors.ts';
import type { ImageConfig } from '../image-source.ts';
import { isRecord, type JsonRecord, parseRecord, textOf, textsOf } from './json-document.ts';
import { fit, type Platform, platformText } from './platform.ts';

/** What the manifest and the machine say of a config that is to be read. */
export interface ConfigExpectation {
  readonly reference: string;
  readonly platform: Platform;
  /** The manifest's, for the message. */
  readonly manifestType: string;
  readonly layers: number;
}

/** Reads a config that belongs to a manifest. Throws RpcError if it does not, or is none. */
export function readConfig(bytes: Uint8Array, expected: ConfigExpectation): ImageConfig {
  const { reference, platform } = expected;
  const json = parseRecord(bytes);
  if (json === null) throw imageInvalid(reference, 'its config is no JSON object');
  if (fit(platform, json) === null) {
    throw platformMissing(expected.manifestType, platformText(platform));
  }
  const config = json['config'] ?? {};
  if (!isRecord(config)) throw imageInvalid(reference, 'its config has no object config');
  return {
    architecture: platform.architecture,
    os: platform.os,
    ...processOf(reference, config),
    diffIds: diffIdsOf(json, expected),
  };
}

type Process = Omit<ImageConfig, 'architecture' | 'os' | 'diffIds'>;

function processOf(reference: string, config: JsonRecord): Process {
  const read = <Value>(name: string, how: (value: unknown) => Value | null): Value => {
    const value = how(config[name]);
    if (value === null) throw imageInvalid(reference, `${name} of its config cannot be read`);
    return value;
  };
  return {
    entrypoint: read('Entrypoint', textsOf),
    cmd: read('Cmd', textsOf),
    env: read('Env', textsOf),
    workingDir: read('WorkingDir', textOf),
    user: read('User', textOf),
    exposedPorts: read('ExposedPorts', namesOf),
    stopSignal: read('StopSignal', textOf),
  };
}

function namesOf(value: unknown): string[] | null {
  if (value === undefined || value === null) return [];
  return isRecord(value) ? textsOf(Object.keys(value)) : null;
}

function diffIdsOf(json: JsonRecord, { reference, layers }: ConfigExpectation): string[] {
  const rootfs = json['rootfs'];
  const diffIds = isRecord(rootfs) && rootfs['type'] === 'layers' ? rootfs['diff_ids'] : null;
  // Of an image without layers some tools write null.
  const texts = textsOf(diffIds);
  if (!isRecord(rootfs) || texts === null || !texts.every((text) => parseDigest(text) !== null)) {
    throw imageInvalid(reference, 'its config does not list the digests of its layers');
  }
  if (texts.length !== layers) {
    const why = `its manifest has ${layers} layers, its config ${texts.length}`;
    throw imageInvalid(reference, why);
  }
  return texts;
}
