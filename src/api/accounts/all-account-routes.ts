import type { Route } from '../route.ts';
import { accountKeyRoutes } from './account-key-routes.ts';
import { accountRoutes } from './account-routes.ts';
import type { AccountService } from './account-service.ts';
import { apiKeyRoutes } from './api-key-routes.ts';
import { roleRoutes } from './role-routes.ts';
import { tokenRoute } from './token-route.ts';

/** Service accounts, their keys and API keys, what policies may say, and the exchange of what they sign. */
export function allAccountRoutes(service: AccountService): Route[] {
  return [
    ...accountRoutes(service),
    ...accountKeyRoutes(service),
    ...apiKeyRoutes(service),
    ...roleRoutes(),
    tokenRoute(service),
  ];
}
