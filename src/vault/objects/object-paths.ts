import { basename, join } from 'node:path';
import { assert, draw, type Entropy } from '../../runtime/index.ts';
import type { ObjectFiles } from './object-store.ts';

const indexSuffix = '.index';
const namePattern = /^[0-9a-f]{64}$/u;
const shardPattern = /^[0-9a-f]{2}$/u;
const stagedPattern = /^([0-9a-f]{64})\.[0-9a-f]{32}$/u;

/** Where everything lies; a name from outside that is none of ours becomes no path. */
export class ObjectPaths {
  readonly objects: string;
  readonly staging: string;

  constructor(folder: string) {
    this.objects = join(folder, 'objects');
    this.staging = join(folder, 'staging');
  }

  /** `objects/ab/NAME` and `objects/ab/NAME.index`. */
  stored(name: string): ObjectFiles {
    assert(namePattern.test(name), 'an object has a name of 64 hex digits');
    return filesAt(name, join(this.shard(name), name));
  }

  shard(name: string): string {
    return join(this.objects, name.slice(0, 2));
  }

  /** Two files that nobody else writes to, for an object of this name. */
  newStaged(name: string, entropy: Entropy): ObjectFiles {
    assert(namePattern.test(name), 'an object has a name of 64 hex digits');
    const unique = Buffer.from(draw(entropy, 16)).toString('hex');
    return filesAt(name, join(this.staging, `${name}.${unique}`));
  }

  /** The same files, if they are ones that `newStaged` gave. */
  staged({ name, dataPath, indexPath }: ObjectFiles): ObjectFiles {
    const file = basename(dataPath);
    const files = filesAt(name, join(this.staging, file));
    const isOurs = stagedPattern.exec(file)?.[1] === name && files.dataPath === dataPath;
    assert(isOurs && files.indexPath === indexPath, 'only staged files are published or abandoned');
    return files;
  }
}

export function isShard(folder: string): boolean {
  return shardPattern.test(folder);
}

/** The object that a file in a shard belongs to, or null. */
export function nameOfFile(shard: string, file: string): string | null {
  const name = file.endsWith(indexSuffix) ? file.slice(0, -indexSuffix.length) : file;
  return namePattern.test(name) && name.startsWith(shard) ? name : null;
}

function filesAt(name: string, dataPath: string): ObjectFiles {
  return { name, dataPath, indexPath: dataPath + indexSuffix };
}
