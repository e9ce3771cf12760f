import { rpcName, type ApiMethod } from '../method.ts';
import type { Route } from '../route.ts';
import type { Access } from './access.ts';
import { messageFields, restFields } from './request-fields.ts';

/** The same methods, each of which asks first whether its caller may call it. */
export function authorizedMethods(methods: readonly ApiMethod[], access: Access): ApiMethod[] {
  if (!access.isRequired) return [...methods];
  return methods.map((method) => {
    const rpc = rpcName(method.desc);
    return {
      ...method,
      call: async (request, call) => {
        access.require(call.principal, rpc, messageFields(request));
        return method.call(request, call);
      },
    };
  });
}

/** The same routes, but for those that are public, which nobody is asked at. */
export function authorizedRoutes(routes: readonly Route[], access: Access): Route[] {
  if (!access.isRequired) return [...routes];
  return routes.map((route) => {
    if (access.isPublic(route.rpc)) return route;
    return {
      ...route,
      handle: (call) => {
        access.require(call.principal, route.rpc, route.fields?.(call) ?? restFields(call));
        return route.handle(call);
      },
    };
  });
}
