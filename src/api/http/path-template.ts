import { assert } from '../../runtime/index.ts';

/** A google.api.http path template, taken apart: `/v1/{name=projects/STAR}:verb` (STAR is `*`). */
export interface PathTemplate {
  /** Literals as they are; `*` for one segment; `**`, only last, for any number. */
  readonly segments: readonly string[];
  readonly variables: readonly TemplateVariable[];
  /** Empty if there is none. */
  readonly verb: string;
}

export interface TemplateVariable {
  /** A field path: `topic.name`. */
  readonly name: string;
  /** Segments [from, to) of the path. */
  readonly from: number;
  readonly to: number;
}

/** Parses a template that we wrote or that a proto declares; a bad one is a bug. */
export function parsePathTemplate(template: string): PathTemplate {
  const [path, verb] = splitVerb(template);
  const segments: string[] = [];
  const variables: TemplateVariable[] = [];
  for (const part of path.matchAll(/\/(?:\{([\w.]+)(?:=([^}]+))?\}|([^/{}]+))/g)) {
    const [, name, pattern, literal] = part;
    const from = segments.length;
    segments.push(...(literal ?? pattern ?? '*').split('/'));
    if (name !== undefined) variables.push({ name, from, to: segments.length });
  }
  const wild = segments.indexOf('**');
  assert(wild < 0 || wild === segments.length - 1, `** must be last in ${template}`);
  return { segments, variables, verb };
}

/** Splits at the last `:` of the last segment: `example.com:proj` is a project, not a verb. */
export function splitVerb(path: string): [path: string, verb: string] {
  const colon = path.lastIndexOf(':');
  const isVerb = colon > path.lastIndexOf('/');
  return isVerb ? [path.slice(0, colon), path.slice(colon + 1)] : [path, ''];
}

/**
 * The variables of a path whose raw segments fit `template`, each decoded exactly once, or
 * undefined if they do not fit. Throws URIError on an escape that is not UTF-8.
 */
export function bindPath(
  template: PathTemplate,
  segments: readonly string[],
): Record<string, string> | undefined {
  if (!fits(template.segments, segments)) return undefined;
  const values: Record<string, string> = {};
  const isOpen = template.segments.at(-1) === '**';
  for (const { name, from, to } of template.variables) {
    const end = isOpen && to === template.segments.length ? segments.length : to;
    values[name] = segments.slice(from, end).map(decodeOnce).join('/');
  }
  return values;
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === '**';
  const fixed = isOpen ? pattern.length - 1 : pattern.length;
  if (isOpen ? segments.length < fixed : segments.length !== fixed) return false;
  for (let i = 0; i < fixed; i++) {
    const wanted = pattern[i]!;
    const segment = segments[i]!;
    if (wanted === '*' ? segment === '' : wanted !== segment) return false;
  }
  return true;
}

const decodeOnce = (segment: string): string =>
  segment.includes('%') ? decodeURIComponent(segment) : segment;
