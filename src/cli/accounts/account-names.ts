import { accountEmail, parseAccountEmail } from '../../rpc/index.ts';
import { usageError } from '../command/command-error.ts';
import type { ResourceNames } from '../connection/resource-names.ts';

const idPattern = /^[a-z](?:[-a-z0-9]{4,28}[a-z0-9])$/;

/** A service account as the command line names it: by id in the project, or by email. */
export interface AccountName {
  readonly id: string;
  readonly project: string;
  readonly email: string;
  /** `projects/P/serviceAccounts/EMAIL`. */
  readonly name: string;
}

/** Throws a usage error for what names no account. */
export function accountNamed(text: string, names: ResourceNames): AccountName {
  const parsed = text.includes('@')
    ? parseAccountEmail(text)
    : idPattern.test(text)
      ? { id: text, project: names.project() }
      : undefined;
  if (parsed === undefined) {
    throw usageError(
      `"${text}" is no service account: write its id, 6 to 30 lower-case letters, digits and ` +
        'hyphens that begin with a letter, or its email.',
    );
  }
  const { id, project } = parsed;
  const email = accountEmail(id, project);
  return { id, project, email, name: `projects/${project}/serviceAccounts/${email}` };
}
