/** The completion script for zsh, which calls its `_arguments`. */
import type { ArgumentWords, CommandWords } from './command-words.js';

/** The script for a program with these commands, which is called `name`. */
export function zshCompletion(name: string, commands: readonly CommandWords[]): string {
  const fn = `_${name}`;
  return `#compdef ${name}
# Completion of ${name} for zsh: source <(${name} completion zsh)

${fn}_tables() {
  local -a tables
  tables=(\${\${(f)"$(_call_program tables ${name} ls 2>/dev/null)"}[2,-1]%% *})
  compadd -a tables
}

${fn}() {
  local curcontext=$curcontext state line
  local -a commands
  commands=(
${commands.map((command) => `    ${quote(`${command.name}:${command.description}`)}`).join('\n')}
  )
  _arguments -C '(- *)--help[print help]' '1:command:->command' '*::argument:->arguments' && return
  case $state in
    command) _describe -t commands command commands ;;
    arguments)
      case $words[1] in
${commands.map((command) => `        ${command.name}) _arguments ${specsOf(fn, command)} ;;`).join('\n')}
      esac
      ;;
  esac
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then ${fn} "$@"; else compdef ${fn} ${name}; fi
`;
}

function specsOf(fn: string, { options, arguments: args }: CommandWords): string {
  const flags = options.map(({ flag, description, value }) => {
    const valueSpec = value === undefined ? '' : `:${plain(value.name)}:${actionOf(fn, value)}`;
    return quote(`${flag}[${plain(description)}]${valueSpec}`);
  });
  const positions = args.map((argument, i) => quote(`${i + 1}:${argument.name}:${actionOf(fn, argument)}`));
  return [...flags, ...positions].join(' ');
}

function actionOf(fn: string, { kind, choices }: ArgumentWords): string {
  if (kind === 'table') return `${fn}_tables`;
  if (kind === 'file') return '_files';
  return kind === 'choice' ? `(${choices.join(' ')})` : ' ';
}

/** Brackets and colons separate the fields of a specification. */
function plain(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
