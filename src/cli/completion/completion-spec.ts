import type { CommandSpec } from '../command/command-spec.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;

export const completionSpec: CommandSpec = {
  name: 'completion',
  summary: 'Print the completion script of a shell.',
  details: [
    'Completes commands and options, and names of topics and subscriptions where the server answers.',
    'For bash, once and for all:',
    '  sealpost completion bash > ~/.local/share/bash-completion/completions/sealpost',
    'For zsh, in ~/.zshrc: source <(sealpost completion zsh)',
    'For fish: sealpost completion fish > ~/.config/fish/completions/sealpost.fish',
  ].join('\n'),
  arguments: [{ name: 'SHELL', completes: shells }],
  isRemote: false,
  examples: [{ line: 'source <(sealpost completion bash)', does: 'for this shell' }],
  load: async () => (await import('./completion-action.ts')).completion,
};
