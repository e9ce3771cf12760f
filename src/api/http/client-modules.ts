import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';

/** One JavaScript module, as a page imports it. */
export interface ClientModule {
  readonly body: string;
  /** A strong entity tag, quoted (RFC 9110, 8.8.3). */
  readonly etag: string;
}

/** Sources in a clone, JavaScript in a package: what this file itself is. */
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const folder = new URL('../../client/', import.meta.url);
const entry = "export * from './client/index.js';\n";

/**
 * The client's modules for pages: `/client.js` and what it imports, below `/client/`. A list that is
 * made once; a path that is not in it is not looked for on the disk.
 */
export class ClientModules {
  readonly #files: ReadonlyMap<string, string>;
  readonly #modules = new Map<string, ClientModule>();

  constructor() {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const files = names.filter(
      (name) => name.endsWith(extension) && !/\.(test|case|d)\.[tj]s$/.test(name),
    );
    this.#files = new Map(
      files.map((name) => {
        const stem = name.slice(0, -extension.length).replaceAll('\\', '/');
        return [`/client/${stem}.js`, fileURLToPath(new URL(name.replaceAll('\\', '/'), folder))];
      }),
    );
    this.#modules.set('/client.js', moduleOf(entry));
  }

  /** True if there is a module at this path. */
  has(path: string): boolean {
    return this.#modules.has(path) || this.#files.has(path);
  }

  /** The module at a path, or undefined. Read when it is first asked for. */
  find(path: string): ClientModule | undefined {
    const known = this.#modules.get(path);
    if (known !== undefined) return known;
    const file = this.#files.get(path);
    if (file === undefined) return undefined;
    const module = moduleOf(javaScriptOf(readFileSync(file, 'utf8')));
    this.#modules.set(path, module);
    return module;
  }
}

function moduleOf(body: string): ClientModule {
  const hash = createHash('sha256').update(body).digest('base64url');
  return { body, etag: `"${hash.slice(0, 22)}"` };
}

/** A source without its types, importing what is served. What was built is served as it is. */
function javaScriptOf(source: string): string {
  if (extension === '.js') return source;
  return stripTypeScriptTypes(source).replaceAll(/( from '\.[^']*)\.ts';/g, "$1.js';");
}
