import type { Clock, Entropy } from '../../runtime/index.ts';
import type { RestApi } from '../connection/rest-api.ts';
import type { ResourceNames } from '../connection/resource-names.ts';
import type { Login } from '../login/login.ts';
import type { Output } from '../output/output.ts';
import type { Terminal } from './terminal.ts';

/** What every command is given: a server, names, a place to write to, time and chance. */
export interface Tools {
  readonly api: RestApi;
  readonly login: Login;
  readonly names: ResourceNames;
  readonly out: Output;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly version: string;
}
