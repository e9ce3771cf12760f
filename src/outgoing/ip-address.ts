import { isIP } from 'node:net';

/** An address in the one spelling that is compared: IPv4 wherever an IPv6 form only maps it. */
export interface IpAddress {
  readonly family: 'ipv4' | 'ipv6';
  /** Without brackets and zone: `10.0.0.1`, `fd00::1`. */
  readonly text: string;
  /**
   * The IPv4 address that a translator or tunnel on the way would turn this one into: NAT64
   * (RFC 6052), 6to4 (RFC 3056).
   */
  readonly embedded?: string;
}

/** Reads an address as the system's resolver or a URL gives it; null if it is none. */
export function parseIpAddress(text: string): IpAddress | null {
  const [bare = ''] = text.replace(/^\[(.*)\]$/, '$1').split('%');
  if (isIP(bare) === 4) return { family: 'ipv4', text: bare };
  if (isIP(bare) !== 6) return null;
  const canonical = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  const groups = groupsOf(canonical);
  if (startsWith(groups, [0, 0, 0, 0, 0, 0xffff])) {
    return { family: 'ipv4', text: dotted(groups[6]!, groups[7]!) };
  }
  const embedded = embeddedIn(groups);
  return { family: 'ipv6', text: canonical, ...(embedded !== null && { embedded }) };
}

/** The eight groups of an address that a URL has written: lower case, `::` at most once. */
function groupsOf(canonical: string): number[] {
  const [head = '', tail] = canonical.split('::');
  const first = numbers(head);
  const last = numbers(tail ?? '');
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}

function numbers(part: string): number[] {
  return part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
}

function embeddedIn(groups: readonly number[]): string | null {
  if (startsWith(groups, [0x64, 0xff9b, 0, 0, 0, 0])) return dotted(groups[6]!, groups[7]!);
  if (groups[0] === 0x2002) return dotted(groups[1]!, groups[2]!);
  return null;
}

function startsWith(groups: readonly number[], prefix: readonly number[]): boolean {
  return prefix.every((group, index) => groups[index] === group);
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
