import type { DescService } from '@bufbuild/protobuf';

import { messageToJson } from '../json/proto-json.ts';
import { rpcName, type ApiMethod } from '../method.ts';
import type { Route } from '../route.ts';
import { unsupportedMethod } from '../unsupported.ts';
import { httpBindings, type HttpBinding } from './service-bindings.ts';
import { transcode } from './transcoding.ts';

/** Handlers that read and write their JSON by hand, by their methods' full names. */
export type HandMade = ReadonlyMap<string, Route['handle']>;

/**
 * Every REST path of `services`, from their protos' own bindings; a method that is neither in
 * `methods` nor made by hand answers UNIMPLEMENTED by its name.
 */
export function methodRoutes(
  services: readonly DescService[],
  methods: readonly ApiMethod[],
  handMade: HandMade,
): Route[] {
  const byName = new Map(methods.map((each) => [rpcName(each.desc), each]));
  return services
    .flatMap((service) => service.methods)
    .flatMap((desc) =>
      httpBindings(desc).map((binding): Route => {
        const rpc = rpcName(desc);
        const handle = handMade.get(rpc) ?? transcoded(binding, byName.get(rpc)) ?? refusal(rpc);
        return { rpc, method: binding.method, template: binding.template, handle };
      }),
    );
}

/** What answers UNIMPLEMENTED by the name of `rpc`. */
export const refusal =
  (rpc: string): Route['handle'] =>
  () => {
    throw unsupportedMethod(rpc);
  };

function transcoded(
  binding: HttpBinding,
  method: ApiMethod | undefined,
): Route['handle'] | undefined {
  if (method === undefined) return undefined;
  const { desc, call, release } = method;
  return async (restCall) => {
    const answer = await call(transcode(desc, binding, restCall), restCall);
    const json = messageToJson(desc.output, answer);
    release?.(answer);
    return json;
  };
}
