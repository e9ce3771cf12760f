import type { BrokerService } from '../../broker/index.ts';
import type { BrowserTokens } from '../../identity/index.ts';
import type { Clock, Entropy, Logger } from '../../runtime/index.ts';
import type { Access } from '../access/access.ts';
import type { CallObserver } from '../observer.ts';
import type { RequestBudget } from '../request-budget.ts';
import type { UnsentAnswers } from '../unsent-answers.ts';
import type { WebSocketObserver } from './observer.ts';

/** What every session needs of the rest of the server. */
export interface Surroundings {
  readonly broker: BrokerService;
  readonly tokens: BrowserTokens;
  readonly access: Access;
  readonly observe: CallObserver;
  readonly observer: WebSocketObserver;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly unsent: UnsentAnswers;
  readonly budget: RequestBudget;
}
