import type { Action } from '../command/command-spec.ts';

export const subscribe: Action = async () => undefined;
