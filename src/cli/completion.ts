import { Argument, type Command } from 'commander';
import { bashCompletion } from './bash-completion.js';
import { wordsOf } from './command-words.js';
import { zshCompletion } from './zsh-completion.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion } as const;

/** `shmtable completion SHELL`: the script is generated from the tree of commands, so it is complete. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script: source <(shmtable completion bash)')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .action((shell: keyof typeof SHELLS) => {
      process.stdout.write(SHELLS[shell](program.name(), wordsOf(program)));
    });
}
