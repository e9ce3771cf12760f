import { checkText, entryPath, hardLinkTarget, type NamedPath } from './entry-path.ts';
import {
  type LayerEntry,
  type LayerEntryType,
  type LayerLimits,
  LayerRefusal,
} from './layer-entry.ts';
import { paxInteger, type PaxRecords, paxTime, xattrNames } from './pax-records.ts';
import type { TarHeader } from './tar-header.ts';

const typeOfFlag: ReadonlyMap<string, LayerEntryType> = new Map([
  ['0', 'file'],
  ['7', 'file'],
  ['1', 'hardlink'],
  ['2', 'symlink'],
  ['3', 'character'],
  ['4', 'block'],
  ['5', 'directory'],
  ['6', 'fifo'],
]);

const noRecords: PaxRecords = new Map();

/** Extended headers that wait for their entry. */
export interface Extensions {
  records: PaxRecords | null;
  name: string | null;
  linkname: string | null;
}

/** A header with the names that hold, and what else was said of it. */
export interface NamedHeader extends TarHeader {
  readonly pax: PaxRecords;
}

/** @throws LayerRefusal if extended headers contradict each other */
export function namedHeader(header: TarHeader, waiting: Extensions): NamedHeader {
  const pax = waiting.records ?? noRecords;
  return {
    ...header,
    name: oneOf(waiting.name, pax.get('path')) ?? header.name,
    linkname: oneOf(waiting.linkname, pax.get('linkpath')) ?? header.linkname,
    pax,
  };
}

/** What an entry is, and how many bytes of content follow its header. */
export interface EntryContent {
  readonly type: LayerEntryType;
  readonly size: number;
}

/** Only files have content: a size of anything else is not followed by any, as in Go's reader. */
export function contentOf(
  { flag, name, size, pax }: NamedHeader,
  limits: LayerLimits,
): EntryContent {
  if (flag === 'S') throw new LayerRefusal('sparse files are not taken', name);
  const said = typeOfFlag.get(flag);
  if (said === undefined) {
    throw new LayerRefusal(`the type ${JSON.stringify(flag)} is not known`, name);
  }
  const type = said === 'file' && name.endsWith('/') ? 'directory' : said;
  const bytes = type === 'file' ? (paxInteger(pax, 'size', name) ?? size) : 0;
  if (bytes > limits.tarBytesMax) throw new LayerRefusal('it is larger than allowed', name);
  return { type, size: bytes };
}

/** @throws LayerRefusal for a name or a target that breaks a rule */
export function entryOf(
  header: NamedHeader,
  { type, size }: EntryContent,
  offset: number,
  limits: LayerLimits,
): LayerEntry {
  const { name, mode, uid, gid, mtime, pax } = header;
  const named = entryPath(name, limits);
  const time = paxTime(pax, name) ?? mtime;
  if (Math.abs(time) > Number.MAX_SAFE_INTEGER) {
    throw new LayerRefusal('its mtime is no time that can be', name);
  }
  const isEntry = named.kind === 'entry';
  if (named.path === '' && isEntry && type !== 'directory') {
    throw new LayerRefusal('the root must be a directory', name);
  }
  return {
    ...kindAndLink(named, type, header, limits),
    path: named.path,
    mode,
    uid: paxInteger(pax, 'uid', name) ?? uid,
    gid: paxInteger(pax, 'gid', name) ?? gid,
    size: isEntry ? size : 0,
    mtime: time,
    xattrs: xattrNames(pax),
    offset: size > 0 && isEntry ? offset : 0,
  };
}

function kindAndLink(
  named: NamedPath,
  type: LayerEntryType,
  { name, linkname }: NamedHeader,
  limits: LayerLimits,
): Pick<LayerEntry, 'type' | 'linkname'> {
  if (named.kind !== 'entry') return { type: named.kind, linkname: '' };
  if (type === 'hardlink') return { type, linkname: hardLinkTarget(linkname, name, limits) };
  if (type !== 'symlink') return { type, linkname: '' };
  checkText(linkname, name, limits);
  if (linkname === '') throw new LayerRefusal('a link must have a target', name);
  return { type, linkname };
}

/** A name may be made longer in one way: readers differ on which of two holds. */
function oneOf(gnu: string | null, pax: string | undefined): string | null {
  if (gnu !== null && pax !== undefined && gnu !== pax) {
    throw new LayerRefusal('two extended headers name it differently', gnu);
  }
  return gnu ?? pax ?? null;
}
