/** The completion script for bash: it needs only bash 4, and calls the command only for the names of tables. */
import type { ArgumentWords, CommandWords } from './command-words.js';

/** The script for a program with these commands, which is called `name`. */
export function bashCompletion(name: string, commands: readonly CommandWords[]): string {
  const fn = `_${name}`;
  return `# Completion of ${name} for bash: source <(${name} completion bash)

${fn}_tables() {
  "\${COMP_WORDS[0]}" ls 2>/dev/null | { read -r; while read -r table _; do printf '%s\\n' "$table"; done; }
}

${fn}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local command='' options='--help' kind='words:${commands.map((command) => command.name).join(' ')}' value='' position=0 i
  local -a kinds=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command \${COMP_WORDS[i]}" in
${commands.map(caseOfCommand).join('\n')}
      ${valueOptions(commands)}) ((i++)) ;;
      *' -'*) ;;
      *) ((position++)) ;;
    esac
  done
  [[ -n $command ]] && kind=\${kinds[position]:-any}
  case "$command $previous" in
${commands.flatMap(casesOfValues).join('\n')}
  esac
  [[ -n $value ]] && kind=$value
  [[ -z $value && $current == -* ]] && kind=words:$options
  case $kind in
    table) mapfile -t COMPREPLY < <(compgen -W "$(${fn}_tables)" -- "$current") ;;
    file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    words:*) mapfile -t COMPREPLY < <(compgen -W "\${kind#words:}" -- "$current") ;;
    *) COMPREPLY=() ;;
  esac
}

complete -F ${fn} ${name}
`;
}

/** The first word that is not an option is the command. */
function caseOfCommand({ name, options, arguments: args }: CommandWords): string {
  const flags = options.map(({ flag }) => flag).join(' ');
  return `      ' ${name}') command=${name}; options='${flags}'; kinds=(${args.map((arg) => `'${kindOf(arg)}'`).join(' ')}) ;;`;
}

/** Patterns of the options whose value is the next word. */
function valueOptions(commands: readonly CommandWords[]): string {
  const patterns = commands.flatMap(({ name, options }) =>
    options.filter(({ value }) => value !== undefined).map(({ flag }) => `'${name} ${flag}'`),
  );
  return patterns.join(' | ');
}

function casesOfValues({ name, options }: CommandWords): string[] {
  return options.flatMap(({ flag, value }) =>
    value === undefined ? [] : [`    '${name} ${flag}') value='${kindOf(value)}' ;;`],
  );
}

function kindOf({ kind, choices }: ArgumentWords): string {
  return kind === 'choice' ? `words:${choices.join(' ')}` : kind;
}
