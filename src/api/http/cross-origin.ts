const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** What every answer to an allowed foreign origin carries, so that its page may read it. */
export function crossOriginHeaders(origin: string): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'WWW-Authenticate',
    vary: 'Origin',
  };
}

/** The answer to OPTIONS: what is allowed, and for an allowed origin's preflight the consent. */
export function optionsHeaders(
  allowedOrigin: string | undefined,
  requestedHeaders: string | undefined,
): Record<string, string> {
  if (allowedOrigin === undefined) return { allow: methods };
  return {
    allow: methods,
    'access-control-allow-methods': methods,
    'access-control-allow-headers': requestedHeaders ?? 'authorization, content-type',
    'access-control-max-age': '600',
  };
}
