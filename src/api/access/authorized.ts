import { operator, type FieldOf } from '../../iam/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { CallRefusals } from '../audit/call-refusals.ts';
import { rpcName, type ApiCall, type ApiMethod } from '../method.ts';
import type { Route } from '../route.ts';
import type { Access } from './access.ts';
import { messageFields, restFields } from './request-fields.ts';

/** What decides, and where it is written down whom it refused; absent: nowhere here. */
export interface Door {
  readonly access: Access;
  readonly refusals?: CallRefusals | undefined;
}

/** The same methods, each of which asks first whether its caller may call it. */
export function authorizedMethods(methods: readonly ApiMethod[], door: Door): ApiMethod[] {
  if (!door.access.isRequired) return [...methods];
  return methods.map((method) => {
    const rpc = rpcName(method.desc);
    if (door.access.isPublic(rpc)) return method;
    return {
      ...method,
      call: async (request, call) => {
        await letIn(door, rpc, messageFields(request), call);
        return await method.call(request, call);
      },
    };
  });
}

/** The same routes, but for those that are public, which nobody is asked at. */
export function authorizedRoutes(routes: readonly Route[], door: Door): Route[] {
  if (!door.access.isRequired) return [...routes];
  return routes.map((route) => {
    const { rpc } = route;
    if (door.access.isPublic(rpc)) return route;
    return {
      ...route,
      handle: async (call) => {
        await letIn(door, rpc, route.fields?.(call) ?? restFields(call), call);
        return await route.handle(call);
      },
    };
  });
}

async function letIn(
  { access, refusals }: Door,
  rpc: string,
  field: FieldOf,
  call: ApiCall,
): Promise<void> {
  if (call.principal === operator) return;
  try {
    access.require(call.principal, rpc, field);
  } catch (error) {
    const isRefusal = error instanceof RpcError && error.code === 'PERMISSION_DENIED';
    if (isRefusal) await refusals?.record({ rpc, field, call, error });
    throw error;
  }
}
