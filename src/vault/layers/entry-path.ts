import { LayerRefusal, type LayerLimits } from './layer-entry.ts';

const whiteoutPrefix = '.wh.';
const opaqueName = '.wh..wh..opq';
const componentBytesMax = 255;

/** What a name in a tar stands for. */
export interface NamedPath {
  readonly kind: 'entry' | 'whiteout' | 'opaque';
  readonly path: string;
}

/**
 * The path of an entry, by the rules of every layer: relative, without `..`, within the limits of
 * a Linux file system.
 *
 * @throws LayerRefusal
 */
export function entryPath(name: string, limits: LayerLimits): NamedPath {
  const parts = partsOf(name, name, limits);
  const last = parts.at(-1);
  if (parts.slice(0, -1).some((part) => part.startsWith(whiteoutPrefix))) {
    throw new LayerRefusal('a directory may not be named like a whiteout', name);
  }
  if (last === undefined || !last.startsWith(whiteoutPrefix)) {
    return { kind: 'entry', path: parts.join('/') };
  }
  if (last === opaqueName) return { kind: 'opaque', path: parts.slice(0, -1).join('/') };
  const hidden = last.slice(whiteoutPrefix.length);
  if (hidden === '' || hidden === '.' || hidden === '..') {
    throw new LayerRefusal('a whiteout must name what it removes', name);
  }
  return { kind: 'whiteout', path: [...parts.slice(0, -1), hidden].join('/') };
}

/**
 * The target of a hard link, which obeys the same rules as a path.
 *
 * @throws LayerRefusal
 */
export function hardLinkTarget(linkname: string, entry: string, limits: LayerLimits): string {
  const parts = partsOf(linkname, entry, limits);
  if (parts.length === 0) throw new LayerRefusal('a hard link must name a file', entry);
  return parts.join('/');
}

/** Throws for what no file system could hold. */
export function checkText(text: string, entry: string, limits: LayerLimits): void {
  if (text.includes('\0')) throw new LayerRefusal('a name may not hold a NUL', entry);
  if (Buffer.byteLength(text) > limits.pathBytesMax) {
    throw new LayerRefusal(`a path may have at most ${limits.pathBytesMax} bytes`, entry);
  }
}

function partsOf(path: string, entry: string, limits: LayerLimits): string[] {
  checkText(path, entry, limits);
  if (path === '') throw new LayerRefusal('a path may not be empty', entry);
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  // The root alone is often written as a slash.
  if (path.startsWith('/') && parts.length > 0) {
    throw new LayerRefusal('a path may not be absolute', entry);
  }
  if (parts.includes('..')) throw new LayerRefusal('a path may not hold ".."', entry);
  if (parts.some((part) => Buffer.byteLength(part) > componentBytesMax)) {
    throw new LayerRefusal(`a name may have at most ${componentBytesMax} bytes`, entry);
  }
  return parts;
}
