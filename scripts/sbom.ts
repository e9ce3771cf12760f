/**
 * `npm run sbom`: writes dist/sbom.cdx.json, the software bill of materials of the package
 * (CycloneDX 1.5): what `package-lock.json` installs beside it, with versions, licenses and hashes.
 *
 * The same lock file gives the same bytes: neither the time nor a random number is in it.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is read and written here of CycloneDX. */
export interface BillOfMaterials {
  serialNumber: string;
  metadata: { timestamp?: string; component: { name: string; version: string } };
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly purl: string;
    readonly hashes?: readonly object[];
  }[];
}

const root = join(import.meta.dirname, '..');

interface Manifest {
  readonly name: string;
  readonly version: string;
  devDependencies?: unknown;
}

interface LockFile {
  readonly packages: Record<string, { readonly dev?: true; devDependencies?: unknown }>;
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(root, name), 'utf8'));

/**
 * Writes the manifest and the lock file as they are for users. With the packages of developers in
 * them `npm sbom --omit=dev` leaves out what both need.
 */
function writeForUsers(folder: string): void {
  const manifest = read('package.json') as Manifest;
  const lock = read('package-lock.json') as LockFile;
  delete manifest.devDependencies;
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '') delete entry.devDependencies;
    else if (entry.dev === true) delete lock.packages[path];
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
}

function npmBill(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-sbom-'));
  try {
    writeForUsers(folder);
    const argv = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application'];
    return execFileSync('npm', [...argv, '--package-lock-only'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The bill of what is installed for users; optional packages, which carry Node, included. */
export function billOfMaterials(): BillOfMaterials {
  const bill = JSON.parse(npmBill()) as BillOfMaterials;
  const { name, version } = read('package.json') as Manifest;
  // npm names it after the folder that the clone happens to be in.
  Object.assign(bill.metadata.component, { name, version });
  delete bill.metadata.timestamp;
  bill.serialNumber = '';
  const hash = createHash('sha256').update(JSON.stringify(bill)).digest('hex');
  // RFC 9562, 5.8: a UUID of our own making, of the content.
  const uuid = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  bill.serialNumber = `urn:uuid:${uuid}`;
  return bill;
}

if (import.meta.main) {
  const bill = billOfMaterials();
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(join(root, 'dist', 'sbom.cdx.json'), `${JSON.stringify(bill, null, 2)}\n`);
  console.log(`dist/sbom.cdx.json: ${bill.components.length} components`);
}
