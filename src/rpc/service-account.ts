/** The parts of a service account's email: `NAME@PROJECT.iam.gserviceaccount.com`. */
export interface AccountEmail {
  readonly id: string;
  readonly project: string;
}

const emailPattern =
  /^([a-z](?:[-a-z0-9]*[a-z0-9])?)@([a-z0-9][-a-z0-9]*(?:\.[a-z0-9][-a-z0-9]*)*)(?<!-)\.iam\.gserviceaccount\.com$/;

/** `app.example.com` in an email stands for the project `example.com:app`. */
export function accountEmail(id: string, project: string): string {
  const colon = project.indexOf(':');
  const host = colon < 0 ? project : `${project.slice(colon + 1)}.${project.slice(0, colon)}`;
  return `${id}@${host}.iam.gserviceaccount.com`;
}

/** Undefined for what is no service account's email as projects have them. */
export function parseAccountEmail(email: string): AccountEmail | undefined {
  const [, id, host] = emailPattern.exec(email) ?? [];
  if (id === undefined || host === undefined) return undefined;
  const dot = host.indexOf('.');
  return { id, project: dot < 0 ? host : `${host.slice(dot + 1)}:${host.slice(0, dot)}` };
}
