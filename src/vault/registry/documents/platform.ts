import { isRecord } from './json-document.ts';

/** What images must be made for to run on a machine. */
export interface Platform {
  readonly os: 'linux';
  readonly architecture: string;
  /** Variants that run here, the best first; the empty one is an image that names none. */
  readonly variants: readonly string[];
}

const architectures: Readonly<Record<string, [architecture: string, ...variants: string[]]>> = {
  x64: ['amd64', '', 'v1'],
  arm64: ['arm64', 'v8', ''],
  arm: ['arm', 'v7', 'v6', 'v5', ''],
  ia32: ['386', ''],
  ppc64: ['ppc64le', '', 'power8'],
};

/** `arch` as Node names it. The levels v2 to v4 of amd64 are left alone: not every machine has them. */
export function platformOf(arch: string): Platform {
  const [architecture, ...variants] = architectures[arch] ?? [arch, ''];
  return { os: 'linux', architecture, variants };
}

/** As Cloud Run writes it: `amd64/linux`. */
export function platformText({ architecture, os }: Platform): string {
  return `${architecture}/${os}`;
}

/** How well something that names its platform fits, 0 best; null if it does not run. */
export function fit(platform: Platform, named: unknown): number | null {
  if (!isRecord(named)) return null;
  const { os, architecture, variant = '' } = named;
  if (os !== platform.os || architecture !== platform.architecture) return null;
  const index = platform.variants.indexOf(typeof variant === 'string' ? variant : '?');
  return index < 0 ? null : index;
}
