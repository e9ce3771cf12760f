import { bashScript } from './bash-script.ts';
import type { WordRule } from './word-rules.ts';

/** zsh runs the function of bash by its own bashcompinit: one script to keep right. */
export function zshScript(rules: readonly WordRule[]): string {
  return [
    'autoload -U +X compinit && compinit -u',
    'autoload -U +X bashcompinit && bashcompinit',
    bashScript(rules),
  ].join('\n');
}
