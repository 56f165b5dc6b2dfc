/** How commands print: JSON for programs, aligned text for people. */

/** Prints a value as JSON; bigints as decimal strings, as the service writes them. */
export function printJson(value: unknown): void {
  const text = JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? String(member) : member), 2);
  process.stdout.write(`${text}\n`);
}

/** Prints lines of cells in aligned columns. */
export function printTable(lines: readonly (readonly string[])[]): void {
  const widths = lines.reduce<number[]>((most, line) => line.map((cell, i) => Math.max(most[i] ?? 0, cell.length)), []);
  for (const line of lines) {
    process.stdout.write(
      `${line
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}
