import { usageError } from '../command/command-error.ts';
import type { Action } from '../command/command-spec.ts';
import { tree } from '../tree.ts';
import { bashScript } from './bash-script.ts';
import { fishScript } from './fish-script.ts';
import { shells } from './completion-spec.ts';
import { wordRules } from './word-rules.ts';
import { zshScript } from './zsh-script.ts';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export const completion: Action = async ({ arguments: [given] }, { out }) => {
  const shell = shells.find((each) => each === given);
  if (shell === undefined)
    throw usageError(`SHELL must be one of ${shells.join(', ')}, not "${given}".`);
  out.line(scripts[shell](wordRules(tree)));
};
