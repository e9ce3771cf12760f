import type { Completion } from '../command/command-spec.ts';
import type { WordRule } from './word-rules.ts';

/** A function that knows every command, and asks the server only for names of its resources. */
export function bashScript(rules: readonly WordRule[]): string {
  return `# bash completion of sealpost.
_sealpost() {
  local cur=\${COMP_WORDS[COMP_CWORD]} path='' word position=0 taking='' skip='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $skip ]]; then skip=''; continue; fi
    if [[ $word == -* ]]; then
      case "$path $word" in
        ${valueOptions(rules)}) skip=1; ((i + 1 == COMP_CWORD)) && taking=$word ;;
      esac
      continue
    fi
    case "$path $word" in
      ${paths(rules)}) path="\${path:+$path }$word" ;;
      *) ((position++)) ;;
    esac
  done
  case "$path:$taking" in
${optionValues(rules)}
  esac
  [[ -n $taking ]] && return
  if [[ $cur == -* ]]; then
    case "$path" in
${optionNames(rules)}
    esac
    return
  fi
  case "$path:$position" in
${words(rules)}
  esac
}
# Names need a server; without one, or without a project, there are none to offer.
_sealpost_names() {
  local names
  names=$(sealpost "$1" list --ids 2>/dev/null) && COMPREPLY=($(compgen -W "$names" -- "$cur"))
}
complete -o default -F _sealpost sealpost`;
}

function paths(rules: readonly WordRule[]): string {
  return rules
    .filter(({ path }) => path !== '')
    .map(({ path }) => pattern(path))
    .join(' | ');
}

/** What the script has of a path and a word: a blank before the first. */
const pattern = (path: string): string => `'${path.includes(' ') ? path : ` ${path}`}'`;

function valueOptions(rules: readonly WordRule[]): string {
  return rules
    .flatMap(({ path, options }) =>
      options.filter(({ takesValue }) => takesValue).map(({ name }) => `'${path} ${name}'`),
    )
    .join(' | ');
}

function optionValues(rules: readonly WordRule[]): string {
  return rules
    .flatMap(({ path, options }) =>
      options
        .filter(({ completes }) => completes !== undefined)
        .map(({ name, completes }) => `    '${path}:${name}') ${reply(completes!)}; return ;;`),
    )
    .join('\n');
}

function optionNames(rules: readonly WordRule[]): string {
  return rules
    .filter(({ options }) => options.length > 0)
    .map(({ path, options }) => {
      const names = [...options.map(({ name }) => name), '--help'];
      return `      '${path}') ${reply(names)} ;;`;
    })
    .join('\n');
}

function words(rules: readonly WordRule[]): string {
  return rules
    .flatMap(({ path, commands, arguments: completions }) => {
      if (commands.length > 0)
        return [`    '${path}:0') ${reply(commands.map(({ name }) => name))} ;;`];
      return completions.flatMap((completes, at) =>
        completes === undefined ? [] : [`    '${path}:${at}') ${reply(completes)} ;;`],
      );
    })
    .join('\n');
}

function reply(completes: Completion): string {
  if (completes === 'files') return 'COMPREPLY=($(compgen -f -- "$cur"))';
  if (typeof completes === 'string') return `_sealpost_names ${completes}`;
  return `COMPREPLY=($(compgen -W '${completes.join(' ')}' -- "$cur"))`;
}
