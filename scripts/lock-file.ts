/**
 * What `npm ci` demands of package-lock.json: an entry for every optional dependency of every
 * package, those of other platforms too. A registry that does not carry a platform's binary makes
 * `npm install` leave its entry out, and the next `npm ci` anywhere fails.
 */
export interface LockEntry {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export type LockEntries = Record<string, LockEntry>;

export interface MissingEntry {
  /** Key in the lock file's `packages`. */
  readonly path: string;
  readonly entry: LockEntry;
}

/** The path at which Node would find `name` from the package at `from`, or null. */
function resolvePackage(packages: LockEntries, from: string, name: string): string | null {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    const path = `${base === '' ? '' : `${base}/`}node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (base === '') return null;
    if (!base.includes('/node_modules/')) base = '';
  }
}

/** Binaries are asked for by their exact version; a range is npm's to judge. */
function isAsked(entry: LockEntry | undefined, asked: string | undefined): boolean {
  return entry?.version === asked || !/^\d+\.\d+\.\d+$/.test(asked ?? '');
}

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64'];

/** Platform of a binary package, read from its name: `…/binding-linux-arm64-musl`. */
function platformOf(name: string): Record<string, string[]> {
  const words = name.slice(name.lastIndexOf('/') + 1).split('-');
  const [system] = systems.filter((each) => words.includes(each));
  const [processor] = processors.filter((each) => words.includes(each));
  if (system === undefined || processor === undefined) throw new Error(`No platform in ${name}`);
  const musl = words.some((word) => word.startsWith('musl'));
  const glibc = words.some((word) => word.startsWith('gnu'));
  const libc = musl ? ['musl'] : glibc && system === 'linux' ? ['glibc'] : null;
  return { cpu: [processor], ...(libc !== null && { libc }), os: [system] };
}

/**
 * Entries that are missing, as npm would have written them but for the checksum, which only the
 * registry of that platform knows. Versions are those that the parent asks for, exactly.
 */
export function missingEntries(packages: LockEntries): MissingEntry[] {
  const missing: MissingEntry[] = [];
  for (const [parent, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    const names = Object.keys(optionalDependencies);
    const present = names.map((name) => {
      const path = resolvePackage(packages, parent, name);
      return path !== null && isAsked(packages[path], optionalDependencies[name]) ? path : null;
    });
    const sibling = present.find((path) => path !== null) ?? '';
    const folder = sibling.slice(0, sibling.lastIndexOf('node_modules/'));
    for (const [index, name] of names.entries()) {
      if (present[index] !== null) continue;
      const isDev = dev === true && { dev: true };
      const version = optionalDependencies[name] ?? '';
      const entry = { version, ...isDev, ...platformOf(name), optional: true };
      missing.push({ path: `${folder}node_modules/${name}`, entry });
    }
  }
  return missing;
}
