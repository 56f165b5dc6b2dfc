/** The part of the tree of commands that a shell needs to complete a line. */
import type { Command, Option } from 'commander';

export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** The kind of each argument, in order. */
  readonly arguments: readonly ArgumentWords[];
}

interface OptionWords {
  readonly flag: string;
  readonly description: string;
  /** Undefined for a flag without a value. */
  readonly value: ArgumentWords | undefined;
}

export interface ArgumentWords {
  readonly name: string;
  /** Names of tables, names of files, one of a list, or anything, which cannot be completed. */
  readonly kind: 'table' | 'file' | 'choice' | 'any';
  readonly choices: readonly string[];
}

/** The subcommands of a program, `help` included. */
export function wordsOf(program: Command): CommandWords[] {
  const help = program.createHelp();
  const names = program.commands.map((command) => command.name());
  return help.visibleCommands(program).map((command) => ({
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).map(optionWords),
    arguments:
      command.name() === 'help'
        ? [{ name: 'command', kind: 'choice', choices: names }]
        : command.registeredArguments.map((argument) => argumentWords(argument.name(), argument.argChoices)),
  }));
}

function optionWords({ long, description, flags, required, optional, argChoices }: Option): OptionWords {
  const value = /<([^>]+)>|\[([^\]]+)\]/.exec(flags);
  return {
    flag: long ?? flags,
    description,
    value: required || optional ? argumentWords(value?.[1] ?? value?.[2] ?? '', argChoices) : undefined,
  };
}

function argumentWords(name: string, choices: readonly string[] | undefined): ArgumentWords {
  if (choices !== undefined) return { name, kind: 'choice', choices };
  return { name, kind: name === 'table' || name === 'file' ? name : 'any', choices: [] };
}
