import { RpcError } from '../../rpc/index.ts';
import type { HttpMethod, Route } from '../route.ts';
import { bindPath, parsePathTemplate, splitVerb, type PathTemplate } from './path-template.ts';

export interface RouteMatch {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

interface Entry {
  readonly route: Route;
  readonly template: PathTemplate;
}

/** Finds the route of a request. Fastify's router cannot: its paths know no verbs after a `:`. */
export class RouteTable {
  readonly #entries: Map<string, Entry[]> = new Map();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const template = parsePathTemplate(route.template);
      const key = entryKey(route.method, template.verb);
      this.#entries.set(key, [...(this.#entries.get(key) ?? []), { route, template }]);
    }
  }

  /** `path` is raw, without its query. Throws INVALID_ARGUMENT on a broken escape. */
  match(method: HttpMethod, path: string): RouteMatch | undefined {
    const [stem, verb] = splitVerb(path);
    const byVerb = verb === '' ? undefined : this.#find(entryKey(method, verb), stem);
    return byVerb ?? this.#find(entryKey(method, ''), path);
  }

  #find(key: string, path: string): RouteMatch | undefined {
    const entries = this.#entries.get(key);
    if (entries === undefined) return undefined;
    const segments = path.slice(1).split('/');
    for (const { route, template } of entries) {
      const params = bindOrRefuse(template, segments, path);
      if (params !== undefined) return { route, params };
    }
    return undefined;
  }
}

const entryKey = (method: HttpMethod, verb: string): string => `${method} ${verb}`;

function bindOrRefuse(
  template: PathTemplate,
  segments: readonly string[],
  path: string,
): Record<string, string> | undefined {
  try {
    return bindPath(template, segments);
  } catch {
    const message = `Invalid resource name given (name=${path}).`;
    throw new RpcError('INVALID_ARGUMENT', 'INVALID_RESOURCE_NAME', message);
  }
}
